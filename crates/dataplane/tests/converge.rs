//! From any state of a real kernel, one pass reaches the wish.
#![allow(clippy::unwrap_used)]

mod support;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use support::{fresh, host, link, parts, peer, reconcile, tunnels};
use wgcni_dataplane::{Link, LinkName, Peer, Route, State, Sysctl};
use wgcni_model::{PrivateKey, PublicKey};

fn keys() -> Vec<PublicKey> {
    (101..104).map(|n| PrivateKey::from_random([n; 32]).public_key()).collect()
}

fn peers() -> impl Strategy<Value = BTreeMap<PublicKey, Peer>> {
    let nets = ["10.64.1.0/24", "10.64.2.0/24", "10.64.2.0/25", "fd00:0:0:1::/64"];
    let owners = prop::collection::vec(0..4usize, nets.len());
    let endpoint = select(vec![None, Some("192.0.2.1:1"), Some("[2001:db8::1]:2")]);
    let rest = prop::collection::vec((endpoint, select(vec![0u16, 25])), 3);
    (owners, rest, subsequence(keys(), 0..=3)).prop_map(move |(owners, rest, keys)| {
        let peers = keys.into_iter().enumerate().map(|(n, key)| {
            let own: Vec<_> =
                nets.iter().zip(&owners).filter(|(_, o)| **o == n).map(|(net, _)| *net).collect();
            (key, Peer { keepalive: rest[n].1, ..peer(rest[n].0, &own) })
        });
        peers.collect()
    })
}

fn links(port: u16) -> impl Strategy<Value = Option<Link>> {
    // Linux drops all IPv4 routes of a link with its last IPv4 address, so it keeps one.
    let more = subsequence(vec!["10.64.9.1/24", "fd00::1/128"], 0..=2);
    let parts = (select(vec![1280u32, 1420]), more, 0..3u8, peers());
    prop::option::of(parts.prop_map(move |(mtu, mut addresses, n, peers)| {
        addresses.push("10.64.1.1/32");
        let mut link = Link { mtu, ..link(port, &addresses) };
        link.wireguard.private_key = PrivateKey::from_random([105 + n; 32]);
        link.wireguard.peers = peers;
        link
    }))
}

fn states() -> impl Strategy<Value = State> {
    let to = ["10.64.1.0/24", "10.64.2.0/24", "10.64.0.0/12", "fd00:0:0:1::/64", "fd00::/48"];
    let target = select(vec![0, 1, 2, 3]);
    let routes = prop::collection::vec(target, to.len());
    let forward = prop::option::of(select(vec!["0", "1"]));
    (links(4000), links(5000), routes, forward).prop_map(move |(hub, mesh, routes, forward)| {
        let mut state = State::default();
        state.links.extend(hub.map(|link| (LinkName::Hub, link)));
        state.links.extend(mesh.map(|link| (LinkName::Mesh, link)));
        for (to, target) in to.iter().zip(routes) {
            let to = to.parse().unwrap();
            let via = |link| state.links.contains_key(&link).then(|| Route::via(to, link, None));
            let route = match target {
                0 => None,
                1 => via(LinkName::Hub),
                2 => via(LinkName::Mesh),
                _ => Some(Route::unreachable(to)),
            };
            state.routes.extend(route);
        }
        let forward = forward.map(|value| (Sysctl::ipv4_forwarding(), value.to_owned()));
        state.sysctls.extend(forward);
        state
    })
}

#[test]
fn from_any_state_of_a_kernel_one_pass_reaches_the_wish() {
    host(|| {
        let process = tunnels();
        let host = fresh(&process);
        let mut runner =
            TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
        let done = runner.run(&(states(), states()), |(first, second)| {
            for want in [&first, &second] {
                reconcile(&host, want);
                let seen = host.observe(parts()).unwrap();
                prop_assert_eq!(&seen.routes, &want.routes);
                for (name, link) in &want.links {
                    let is = &seen.links[name];
                    prop_assert_eq!(
                        (is.mtu, is.up, &is.addresses),
                        (link.mtu, true, &link.addresses)
                    );
                }
            }
            Ok(())
        });
        done.unwrap();
    });
}
