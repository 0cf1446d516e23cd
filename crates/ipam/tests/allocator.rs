//! What is given, to whom, and in which order.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use wgcni_ipam::{AllocateError, Allocator, Lengths};
use wgcni_model::{Prefix, Prefixes};

const REST: Duration = Duration::from_mins(1);
const START: Duration = Duration::from_hours(500_000);

fn p(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn pair(items: &[&str]) -> Prefixes {
    Prefixes::from_items(items.iter().copied().map(p)).unwrap()
}

fn at(seconds: u64) -> Duration {
    START + Duration::from_secs(seconds)
}

fn hosts(items: &[&str]) -> Allocator<&'static str> {
    Allocator::hosts(pair(items), REST)
}

#[test]
fn nodes_get_subnets_of_both_families_and_the_same_again() {
    let cluster = pair(&["10.64.0.0/12", "fd00::/48"]);
    let lengths = Lengths { v4: 24, v6: 64 };
    let mut nodes = Allocator::subnets(cluster, lengths, REST).unwrap();
    assert_eq!(nodes.allocate(&"a", at(0)).unwrap(), pair(&["10.64.0.0/24", "fd00::/64"]));
    assert_eq!(nodes.allocate(&"b", at(0)).unwrap(), pair(&["10.64.1.0/24", "fd00:0:0:1::/64"]));
    assert_eq!(nodes.allocate(&"a", at(9)).unwrap(), pair(&["10.64.0.0/24", "fd00::/64"]));
}

#[test]
fn lease_longer_than_the_cluster_is_refused() {
    let lengths = Lengths { v4: 11, v6: 64 };
    let error = Allocator::<u8>::subnets(pair(&["10.64.0.0/12"]), lengths, REST).unwrap_err();
    assert!(error.to_string().contains("10.64.0.0/12"), "{error}");
}

#[test]
fn containers_never_get_the_network_the_node_or_the_broadcast_address() {
    let mut lease = hosts(&["10.64.1.0/29", "fd00::/125"]);
    for (owner, v4) in ["a", "b", "c", "d", "e"].iter().zip(2..) {
        let v6 = format!("fd00::{v4}/128");
        let given = lease.allocate(owner, at(0)).unwrap();
        assert_eq!(given, pair(&[&format!("10.64.1.{v4}/32"), &v6]));
    }
    let error = lease.allocate(&"f", at(0)).unwrap_err().to_string();
    assert_eq!(
        error,
        "no free IPv4 address in 10.64.1.0/29: 5 of 5 in use, 0 resting after release"
    );
    // All or nothing: the two IPv6 addresses that are left are still both free.
    let v6 = lease.usage(at(0))[1];
    assert_eq!((v6.capacity, v6.used), (6, 5));
    for wanted in ["10.64.1.0/32", "10.64.1.1/32", "10.64.1.7/32", "fd00::/128", "10.64.2.2/32"] {
        let error = lease.request(&"f", &[p(wanted)], at(0)).unwrap_err();
        assert!(matches!(error, AllocateError::NotFree { .. }), "{error}");
    }
}

#[test]
fn released_rests_and_is_reused_last_and_oldest_first() {
    let mut lease = hosts(&["10.64.1.0/29"]);
    for owner in ["a", "b", "c", "d"] {
        lease.allocate(&owner, at(0)).unwrap();
    }
    lease.release(&"c", at(10));
    lease.release(&"a", at(20));
    assert_eq!(lease.allocate(&"e", at(100)).unwrap(), pair(&["10.64.1.6/32"]));
    lease.release(&"b", at(100));
    assert_eq!(lease.allocate(&"f", at(100)).unwrap(), pair(&["10.64.1.4/32"]));
    assert_eq!(lease.allocate(&"g", at(100)).unwrap(), pair(&["10.64.1.2/32"]));
    let error = lease.allocate(&"h", at(130)).unwrap_err().to_string();
    assert!(
        error.ends_with("4 of 5 in use, 1 resting after release, next free in 30 s"),
        "{error}"
    );
    assert_eq!(lease.allocate(&"h", at(160)).unwrap(), pair(&["10.64.1.3/32"]));
}

#[test]
fn resting_address_is_its_last_owners_on_request_only() {
    let mut lease = hosts(&["10.64.1.0/24"]);
    let own = p("10.64.1.2/32");
    lease.allocate(&"a", at(0)).unwrap();
    lease.release(&"a", at(0));
    let error = lease.request(&"b", &[own], at(1)).unwrap_err().to_string();
    assert_eq!(error, "10.64.1.2/32 is not free: it rests after its release by another");
    assert_eq!(lease.request(&"a", &[own], at(1)).unwrap(), pair(&["10.64.1.2/32"]));
    assert_eq!(lease.request(&"a", &[own], at(1)).unwrap(), pair(&["10.64.1.2/32"]));
    assert!(lease.request(&"a", &[p("10.64.1.9/32")], at(1)).is_err());
    assert!(lease.request(&"b", &[p("10.64.1.9/32"), p("10.64.1.8/32")], at(1)).is_err());
    lease.release(&"a", at(2));
    assert_eq!(lease.request(&"b", &[own], at(62)).unwrap(), pair(&["10.64.1.2/32"]));
}

#[test]
fn state_survives_a_restart() {
    let mut lease = hosts(&["10.64.1.0/29"]);
    lease.restore(&"a", pair(&["10.64.1.3/32"])).unwrap();
    lease.restore(&"a", pair(&["10.64.1.3/32"])).unwrap();
    lease.restore_resting(&"b", pair(&["10.64.1.2/32"]), at(0));
    lease.restore_resting(&"b", pair(&["10.64.1.3/32"]), at(0));
    assert!(lease.restore(&"b", pair(&["10.64.1.3/32"])).is_err());
    assert!(lease.restore(&"a", pair(&["10.64.1.4/32"])).is_err());
    assert!(lease.restore(&"b", pair(&["10.65.1.3/32"])).is_err());
    assert_eq!(lease.allocate(&"c", at(0)).unwrap(), pair(&["10.64.1.4/32"]));
    assert_eq!(lease.allocate(&"a", at(0)).unwrap(), pair(&["10.64.1.3/32"]));
}

#[test]
fn huge_prefixes_are_not_scanned() {
    let mut lease = hosts(&["fd00::/64"]);
    let far = p("fd00::ffff:ffff:ffff:ffff/128");
    assert_eq!(lease.request(&"a", &[far], at(0)).unwrap(), pair(&[&far.to_string()]));
    assert_eq!(lease.allocate(&"b", at(0)).unwrap(), pair(&["fd00::2/128"]));
    assert_eq!(lease.usage(at(0))[0].capacity, u64::MAX - 1);
}

/// The same rules, said as plainly as possible: one entry for each part of each family.
#[derive(Clone)]
enum Part {
    Fresh,
    Taken,
    Rests(u8, Duration),
}

fn expected(family: &[Part], now: Duration) -> Option<usize> {
    let fresh = family.iter().position(|part| matches!(part, Part::Fresh));
    let rested = family.iter().enumerate().filter_map(|(n, part)| match part {
        Part::Rests(_, since) if *since + REST <= now => Some((*since, n)),
        _ => None,
    });
    fresh.or_else(|| rested.min().map(|(_, n)| n))
}

#[derive(Debug, Clone)]
enum Step {
    Allocate(u8),
    Request(u8, usize),
    Release(u8),
    Wait(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0u8..12).prop_map(Step::Allocate),
        1 => (0u8..12, 0usize..6).prop_map(|(owner, n)| Step::Request(owner, n)),
        4 => (0u8..12).prop_map(Step::Release),
        2 => (0u64..50).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// An allocator that was told what there was before.
fn restarted(
    cluster: Prefixes,
    owners: &BTreeMap<u8, (usize, usize)>,
    v4: &[Part],
    v6: &[Part],
) -> Allocator<u8> {
    let mut real = Allocator::subnets(cluster, Lengths { v4: 24, v6: 64 }, REST).unwrap();
    for (owner, (a, b)) in owners {
        real.restore(owner, prefixes(*a, *b)).unwrap();
    }
    let v4 = v4.iter().enumerate().map(|(n, part)| (format!("10.0.{n}.0/24"), part));
    let v6 = v6.iter().enumerate().map(|(n, part)| (format!("fd00:0:0:{n:x}::/64"), part));
    for (prefix, part) in v4.chain(v6) {
        if let Part::Rests(owner, since) = part {
            real.restore_resting(owner, pair(&[&prefix]), *since);
        }
    }
    real
}

/// Families of different size, so that one is used up first.
fn prefixes(n4: usize, n6: usize) -> Prefixes {
    pair(&[&format!("10.0.{n4}.0/24"), &format!("fd00:0:0:{n6:x}::/64")])
}

proptest! {
    #[test]
    fn gives_what_the_rules_say_and_nothing_twice(steps in prop::collection::vec(step(), 1..200)) {
        let cluster = pair(&["10.0.0.0/22", "fd00::/61"]);
        let mut real = Allocator::subnets(cluster, Lengths { v4: 24, v6: 64 }, REST).unwrap();
        let (mut v4, mut v6) = (vec![Part::Fresh; 4], vec![Part::Fresh; 8]);
        let mut owners = BTreeMap::new();
        let mut now = START;
        for step in steps {
            let (owner, wanted) = match step {
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    continue;
                }
                Step::Restart => {
                    real = restarted(cluster, &owners, &v4, &v6);
                    continue;
                }
                Step::Release(owner) => {
                    let had = owners.remove(&owner);
                    if let Some((a, b)) = had {
                        v4[a] = Part::Rests(owner, now);
                        v6[b] = Part::Rests(owner, now);
                    }
                    prop_assert_eq!(real.release(&owner, now), had.map(|(a, b)| prefixes(a, b)));
                    continue;
                }
                Step::Allocate(owner) => (owner, None),
                Step::Request(owner, n) => (owner, Some(n)),
            };
            let free = |n: usize| match v4.get(n) {
                Some(Part::Fresh) => true,
                Some(Part::Rests(last, since)) => *last == owner || *since + REST <= now,
                Some(Part::Taken) | None => false,
            };
            let choice = match (owners.get(&owner), wanted) {
                (Some(has), None) => Some(*has),
                (Some(has), Some(n)) => (has.0 == n).then_some(*has),
                (None, None) => expected(&v4, now).zip(expected(&v6, now)),
                (None, Some(n)) => free(n).then_some(n).zip(expected(&v6, now)),
            };
            let parts: Vec<_> = wanted.map(|n| p(&format!("10.0.{n}.0/24"))).into_iter().collect();
            let given = real.request(&owner, &parts, now);
            prop_assert_eq!(given.ok(), choice.map(|(a, b)| prefixes(a, b)));
            if let Some((a, b)) = choice {
                owners.insert(owner, (a, b));
                (v4[a], v6[b]) = (Part::Taken, Part::Taken);
            }
            let all: Vec<_> = real.iter().collect();
            for (i, (_, one)) in all.iter().enumerate() {
                prop_assert!(all[..i].iter().all(|(_, other)| one.overlap(other).is_none()));
            }
        }
    }
}
