//! The firewall on both kinds of iptables.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use support::{cluster, host, sh};
use wgcni_dataplane::firewall::{Policy, Protocol, Variant};
use wgcni_dataplane::{Engine, Host, Parts, State, Tunnels, Watch};
use wgcni_model::Prefixes;

/// The programs of a variant, as the shell calls them.
fn name(variant: Variant) -> &'static str {
    match variant {
        Variant::Host => "iptables",
        Variant::Nft => "iptables-nft",
        Variant::Legacy => "iptables-legacy",
    }
}

fn both(test: impl Fn(&Host, &str) + Sync) {
    for variant in [Variant::Nft, Variant::Legacy] {
        host(|| {
            let engine = Engine::Userspace(Tunnels::at(Path::new("/run/none.sock")));
            test(&Host::new(cluster(), engine).unwrap().with_iptables(variant), name(variant));
        });
    }
}

fn prefixes(list: &[&str]) -> Prefixes {
    Prefixes::from_items(list.iter().map(|p| p.parse().unwrap())).unwrap()
}

fn policy() -> Policy {
    Policy {
        cluster: prefixes(&["10.64.0.0/12", "fd12:3456:789a::/48"]),
        lease: prefixes(&["10.64.1.0/24", "fd12:3456:789a:1::/64"]),
        hub_port: 51819,
        host_ports: vec![(Protocol::Tcp, 4646)],
    }
}

fn want(policy: &Policy) -> State {
    State { firewall: policy.firewall(), ..State::default() }
}

/// One pass does it, and then text and kernel agree.
fn reconcile(host: &Host, want: &State) -> usize {
    let report = host.reconcile(want, Parts::FIREWALL).unwrap();
    assert!(report.is_ok(), "{:?}", report.failures);
    assert_eq!(host.observe(Parts::FIREWALL).unwrap().firewall, want.firewall);
    report.done.len()
}

/// All rules of a family, counters aside.
fn saved(iptables: &str) -> String {
    sh(&format!("{iptables}-save | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'"))
}

fn six(iptables: &str) -> String {
    iptables.replacen("ip", "ip6", 1)
}

/// What Docker and an operator leave on a host.
fn others(iptables: &str) {
    for tool in [iptables.to_owned(), six(iptables)] {
        sh(&format!(
            "{tool} -P FORWARD DROP; {tool} -N DOCKER-USER; {tool} -A DOCKER-USER -j RETURN
             {tool} -A FORWARD -j DOCKER-USER; {tool} -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
             {tool} -A INPUT -p tcp -m tcp --dport 22 -m comment --comment 'a \"quoted\" word' -j ACCEPT
             {tool} -t nat -N DOCKER; {tool} -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
             {tool} -t nat -A POSTROUTING ! -o docker0 -j MASQUERADE
             {tool} -t raw -A PREROUTING -i eth7 -j ACCEPT; {tool} -t mangle -A OUTPUT -j MARK --set-mark 7"
        ));
    }
}

#[test]
fn rules_of_others_stay_byte_for_byte() {
    both(|host, iptables| {
        // The tables that we use exist from the first look on.
        host.observe(Parts::FIREWALL).unwrap();
        others(iptables);
        let before = (saved(iptables), saved(&six(iptables)));
        assert_eq!(reconcile(host, &want(&policy())), 2);
        let without_ours = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("WGCNI-"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(without_ours(&saved(iptables)), without_ours(&before.0));
        assert_eq!(without_ours(&saved(&six(iptables))), without_ours(&before.1));
        for _ in 0..2 {
            let errors = host.cleanup(&BTreeMap::new());
            assert!(errors.is_empty(), "{errors:?}");
            assert_eq!((saved(iptables), saved(&six(iptables))), before);
        }
    });
}

#[test]
fn rules_that_drift_are_repaired() {
    both(|host, iptables| {
        others(iptables);
        let want = want(&policy());
        reconcile(host, &want);
        let sound = saved(iptables);
        let damages = [
            "-D WGCNI-FORWARD 5",
            "-I WGCNI-INPUT 1 -j ACCEPT",
            "-F WGCNI-FORWARD",
            "-D FORWARD -j WGCNI-FORWARD",
            "-A FORWARD -j WGCNI-FORWARD",
            "-I FORWARD 1 -p tcp -j ACCEPT",
            "-t raw -D PREROUTING -j WGCNI-PREROUTING",
            "-t nat -F WGCNI-POSTROUTING",
        ];
        for damage in damages {
            sh(&format!("{iptables} {damage}"));
            assert_eq!(reconcile(host, &want), 1, "{damage}");
            // The rule that took our place is its owner's and stays, after ours.
            sh(&format!("{iptables} -D FORWARD -p tcp -j ACCEPT 2>&1 || true"));
            assert_eq!(saved(iptables), sound, "{damage}");
            assert_eq!(reconcile(host, &want), 0);
        }
        sh(&format!("{} -t nat -D POSTROUTING 1", six(iptables)));
        assert_eq!(reconcile(host, &want), 1);
    });
}

#[test]
fn a_policy_that_changes_changes_its_chains_only() {
    both(|host, iptables| {
        let mut policy = policy();
        reconcile(host, &want(&policy));
        policy.host_ports.push((Protocol::Udp, 53));
        assert_eq!(reconcile(host, &want(&policy)), 2);
        assert!(
            saved(iptables)
                .contains("-A WGCNI-INPUT -i wgmesh0 -p udp -m udp --dport 53 -j ACCEPT")
        );
        // A cluster without IPv6 has no rules for it.
        (policy.cluster, policy.lease) = (prefixes(&["10.64.0.0/12"]), prefixes(&["10.64.1.0/24"]));
        assert_eq!(reconcile(host, &want(&policy)), 1);
        assert!(!saved(&six(iptables)).contains("WGCNI"));
    });
}

#[test]
fn what_iptables_says_is_in_the_error() {
    host(|| {
        let engine = Engine::Userspace(Tunnels::at(Path::new("/run/none.sock")));
        let host = Host::new(cluster(), engine).unwrap().with_iptables(Variant::Nft);
        let mut want = want(&policy());
        for rules in want.firewall.0.values_mut() {
            for body in rules.0.values_mut() {
                body.rules.push("-j NO-SUCH-TARGET".to_owned());
            }
        }
        let report = host.reconcile(&want, Parts::FIREWALL).unwrap();
        let texts: Vec<_> = report.failures.iter().map(|f| f.error.to_string()).collect();
        assert!(texts.len() == 2 && texts[0].contains("NO-SUCH-TARGET"), "{texts:?}");
        // Each table is one transaction: nothing half-made is left.
        assert!(!saved("iptables-nft").contains("WGCNI"));
    });
}

#[test]
fn changes_of_rules_over_nftables_are_told_and_those_of_others_are_not() {
    host(|| {
        let engine = Engine::Userspace(Tunnels::at(Path::new("/run/none.sock")));
        let host = Host::new(cluster(), engine).unwrap().with_iptables(Variant::Nft);
        let watch = Watch::firewall().unwrap();
        others("iptables-nft");
        reconcile(&host, &want(&policy()));
        let told = || watch.wait(Duration::from_millis(200)).unwrap();
        for ours in [
            "iptables-nft -F WGCNI-FORWARD",
            "ip6tables-nft -t nat -D POSTROUTING 1",
            "iptables-nft -t raw -I PREROUTING 1 -j ACCEPT",
            "nft flush ruleset",
        ] {
            watch.drain().unwrap();
            sh(ours);
            assert_eq!(told(), Parts::FIREWALL, "{ours}");
        }
        others("iptables-nft");
        watch.drain().unwrap();
        // A host whose other tools write rules all day.
        for n in 1..50 {
            sh(&format!("iptables-nft -A DOCKER-USER -s 192.0.2.{n} -j RETURN"));
        }
        sh("iptables-nft -t mangle -A FORWARD -j ACCEPT; nft add table inet firewalld");
        assert_eq!(told(), Parts::NONE);
    });
}
