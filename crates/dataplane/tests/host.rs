//! A host's links, routes and settings on a real kernel.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;
use support::{
    cluster, everything, exists, fresh, host, key, link, parts, peer, reconcile, sh, tunnels, until,
};
use wgcni_dataplane::firewall::{Body, Chain, Firewall, Jump, Rules};
use wgcni_dataplane::state::{METRIC, UNREACHABLE_METRIC};
use wgcni_dataplane::{Engine, Error, LinkName, Parts, Peer, Route, State, Sysctl, Watch, diff};
use wgcni_model::Family;

fn node() -> State {
    let mut hub = link(51819, &["10.64.1.1/32", "fd00:0:0:1::1/128"]);
    let mut mesh = link(51820, &["10.64.1.1/32", "fd00:0:0:1::1/128"]);
    hub.wireguard
        .peers
        .insert(key().public_key(), peer(None, &["10.64.1.2/32", "fd00:0:0:1::2/128"]));
    let far = Peer {
        keepalive: 25,
        ..peer(Some("192.0.2.2:51820"), &["10.64.2.0/24", "fd00:0:0:2::/64"])
    };
    mesh.wireguard.peers.insert(key().public_key(), far);
    let via = |to: &str, link, source: &str| {
        Route::via(to.parse().unwrap(), link, Some(source.parse().unwrap()))
    };
    let routes = [
        via("10.64.1.0/24", LinkName::Hub, "10.64.1.1"),
        via("fd00:0:0:1::/64", LinkName::Hub, "fd00:0:0:1::1"),
        via("10.64.2.0/24", LinkName::Mesh, "10.64.1.1"),
        via("fd00:0:0:2::/64", LinkName::Mesh, "fd00:0:0:1::1"),
        Route::unreachable("10.64.0.0/12".parse().unwrap()),
        Route::unreachable("fd00::/48".parse().unwrap()),
    ];
    let sysctls = [
        (Sysctl::ipv4_forwarding(), "1"),
        (Sysctl::ipv6_forwarding(), "1"),
        (Sysctl::rp_filter("wghub0"), "2"),
        (Sysctl::accept_ra("wgmesh0"), "0"),
    ];
    State {
        links: [(LinkName::Hub, hub), (LinkName::Mesh, mesh)].into(),
        routes: routes.into(),
        sysctls: sysctls.map(|(key, value)| (key, value.to_owned())).into(),
        ..State::default()
    }
}

#[test]
fn a_node_comes_up_and_goes_without_a_trace() {
    host(|| {
        let before = everything();
        let process = tunnels();
        let (host, want) = (fresh(&process), node());
        let former = host.sysctls(want.sysctls.keys()).unwrap();
        assert_eq!(former.len(), 2, "the links' settings are not there yet");
        reconcile(&host, &want);
        let seen = host.observe(parts()).unwrap();
        assert_eq!((&seen.links, &seen.routes), (&want.links, &want.routes));
        // What the host itself sends has an address of the overlay.
        assert!(sh("ip route get 10.64.2.9").contains("dev wgmesh0 src 10.64.1.1"));
        assert!(sh("ip route get fd00:0:0:2::9").contains("src fd00:0:0:1::1"));
        assert!(sh("ip route get 10.64.3.9 2>&1 || true").contains("No route to host"));
        assert!(sh("ip -d link show wghub0").contains(&format!("alias wgcni:{}:hub", cluster())));
        for _ in 0..2 {
            assert!(host.cleanup(&former).is_empty());
            assert_eq!(everything(), before);
        }
        assert!(!exists("/run/wireguard/wghub0.sock"));
        assert_eq!(
            sh("cat /proc/sys/net/ipv4/ip_forward").trim(),
            former[&Sysctl::ipv4_forwarding()]
        );
    });
}

#[test]
fn drift_is_repaired_and_nothing_else_is_touched() {
    host(|| {
        let process = tunnels();
        let (host, want) = (fresh(&process), node());
        sh(
            "ip tuntap add other mode tun; ip addr add 10.64.9.1/32 dev other; ip link set other up; \
            ip route add 10.64.7.0/24 dev other; ip route add unreachable 10.64.8.0/24 proto static",
        );
        reconcile(&host, &want);
        let (sound, wished) = (everything(), want.links.clone());
        let far = *wished[&LinkName::Mesh].wireguard.peers.keys().next().unwrap();
        let damages = [
            "ip route del 10.64.2.0/24 dev wgmesh0".to_owned(),
            "ip route del unreachable 10.64.0.0/12".to_owned(),
            format!("ip route replace 10.64.2.0/24 dev other metric {METRIC} proto 177"),
            format!("ip -6 route del unreachable fd00::/48 metric {UNREACHABLE_METRIC}"),
            "ip -6 route add unreachable fd00:0:0:9::/64 proto 177".to_owned(),
            "ip route add 10.64.3.0/24 via 10.64.1.2 dev wghub0 onlink proto 177".to_owned(),
            "ip addr del 10.64.1.1/32 dev wghub0".to_owned(),
            "ip -6 addr add fd00::77/128 dev wgmesh0".to_owned(),
            "ip link set wghub0 down".to_owned(),
            "ip link set wgmesh0 mtu 1300".to_owned(),
            "ip link del wgmesh0".to_owned(),
            "wg set wghub0 listen-port 4000".to_owned(),
            format!("wg set wgmesh0 peer {far} remove"),
            format!("wg set wgmesh0 peer {far} persistent-keepalive 3 allowed-ips 10.9.0.0/16"),
            format!("wg genpsk > /run/psk; wg set wgmesh0 peer {far} preshared-key /run/psk"),
            // A thief: it goes, and the owner has its addresses again.
            format!("wg set wgmesh0 peer {} allowed-ips 10.64.2.0/24", key().public_key()),
            "echo 0 > /proc/sys/net/ipv4/ip_forward".to_owned(),
        ];
        for damage in damages {
            sh(&damage);
            assert!(!reconcile(&host, &want).is_empty(), "{damage}");
            let sorted = |text: &str| {
                let mut lines: Vec<_> = text
                    .lines()
                    .map(|l| l.split_once(": ").map_or(l, |l| l.1).to_owned())
                    .collect();
                lines.sort();
                lines
            };
            assert_eq!(sorted(&everything()), sorted(&sound), "{damage}");
            assert_eq!(host.observe(parts()).unwrap().links, wished, "{damage}");
        }
    });
}

#[test]
fn a_foreign_interface_with_our_name_is_named_and_left_alone() {
    host(|| {
        let process = tunnels();
        let host = fresh(&process);
        sh(
            "ip tuntap add wgmesh0 mode tun; ip link set wgmesh0 alias mine; ip addr add 192.0.2.1/24 dev wgmesh0",
        );
        let before = everything();
        let refused = host.reconcile(&node(), parts());
        let Err(error @ Error::Foreign(LinkName::Mesh)) = refused else { panic!("{refused:?}") };
        assert_eq!(
            error.to_string(),
            "interface wgmesh0 exists and is not ours: rename or remove it"
        );
        // A pass over other parts does not mind.
        assert!(host.reconcile(&node(), Parts::HUB).unwrap().is_ok());
        assert!(host.cleanup(&BTreeMap::new()).is_empty());
        assert_eq!(everything(), before);
    });
}

#[test]
fn a_route_of_others_in_our_way_is_an_error_and_stays() {
    host(|| {
        let process = tunnels();
        let (host, want) = (fresh(&process), node());
        sh(&format!("ip route add blackhole 10.64.2.0/24 metric {METRIC} proto static"));
        let report = host.reconcile(&want, parts()).unwrap();
        let [failure] = &report.failures[..] else { panic!("{:?}", report.failures) };
        assert_eq!(failure.error.errno(), Some(17));
        assert!(failure.error.to_string().starts_with("add route 10.64.2.0/24 on wgmesh0"));
        assert!(sh("ip route show 10.64.2.0/24").contains("blackhole"));
    });
}

#[test]
fn links_that_have_gone_are_made_anew() {
    host(|| {
        let want = node();
        let process = tunnels();
        reconcile(&fresh(&process), &want);
        // With the process that runs them, or without.
        drop(process);
        sh("for link in wghub0 wgmesh0; do ip link del $link 2>&1 || true; done");
        let process = tunnels();
        let host = fresh(&process);
        reconcile(&host, &want);
        assert_eq!(host.observe(parts()).unwrap().links, want.links);
        // A device that was made and not marked when its maker died: the tunnels process
        // knows it. In the kernel both are one step.
        if let Engine::Userspace(_) = process.engine {
            sh("ip link set wghub0 alias ''");
            reconcile(&host, &want);
            assert_eq!(host.observe(parts()).unwrap().links, want.links);
        }
    });
}

#[test]
fn thousands_of_routes_are_made_and_removed_in_one_pass() {
    host(|| {
        let process = tunnels();
        let host = fresh(&process);
        let mut want = node();
        let route = |n: u32| {
            let to = format!("10.{}.{}.0/24", 100 + n / 250, n % 250);
            Route::via(to.parse().unwrap(), LinkName::Mesh, Some("10.64.1.1".parse().unwrap()))
        };
        want.routes.extend((0..10_000).map(route));
        assert!(reconcile(&host, &want).len() > 10_000);
        assert_eq!(sh("ip route show proto 177 | wc -l").trim(), "10003");
        want.routes.retain(|route| route.destination.prefix() != 24);
        reconcile(&host, &want);
        assert_eq!(sh("ip route show proto 177 | wc -l").trim(), "1");
    });
}

#[test]
fn what_changes_in_the_kernel_is_told() {
    host(|| {
        let process = tunnels();
        let watch = Watch::open().unwrap();
        let heard = |wanted: Parts| {
            let mut all = Parts::NONE;
            until("it is told", || {
                all |= watch.wait(Duration::from_millis(100)).unwrap();
                all.contains(wanted)
            });
        };
        reconcile(&fresh(&process), &node());
        heard(Parts::HUB | Parts::MESH | Parts::ROUTES);
        while !watch.wait(Duration::from_millis(50)).unwrap().is_empty() {}
        sh("echo 1 > /proc/sys/net/ipv4/conf/lo/rp_filter");
        // What others do is none of our business.
        sh(
            "ip tuntap add other mode tun; ip addr add 192.0.2.1/24 dev other; ip link set other up",
        );
        assert!(watch.wait(Duration::from_millis(50)).unwrap().is_empty());
        sh("ip addr del 10.64.1.1/32 dev wghub0");
        heard(Parts::HUB);
        sh("ip route del 10.64.2.0/24 dev wgmesh0");
        heard(Parts::ROUTES);
        for (setting, value) in [
            ("ipv4/ip_forward", 0),
            ("ipv6/conf/all/forwarding", 0),
            ("ipv4/conf/wghub0/rp_filter", 1),
        ] {
            while !watch.drain().unwrap().is_empty() {}
            sh(&format!("echo {value} > /proc/sys/net/{setting}"));
            heard(Parts::SYSCTLS);
        }
        sh("ip link del wghub0");
        heard(Parts::HUB | Parts::ROUTES);
    });
}

#[test]
fn a_flood_of_changes_is_one_look() {
    host(|| {
        let process = tunnels();
        let watch = Watch::open().unwrap();
        let mut want = node();
        let route = |n: u32| Route::unreachable(format!("10.99.{n}.0/24").parse().unwrap());
        want.routes.extend((0..250).map(route));
        reconcile(&fresh(&process), &want);
        assert!(watch.drain().unwrap().contains(Parts::ROUTES));
        assert!(watch.drain().unwrap().is_empty());
    });
}

#[test]
fn keys_do_not_print() {
    let want = node();
    let report = diff(&State::default(), &want, Parts::ALL);
    let printed = format!("{want:?} {report:?}");
    for link in want.links.values() {
        assert!(!printed.contains(link.wireguard.private_key.to_base64().as_str()));
    }
}

#[test]
fn without_its_firewall_nothing_is_opened() {
    host(|| {
        let process = tunnels();
        let (host, mut want) = (fresh(&process), node());
        sh("sysctl -qw net.ipv4.ip_forward=0");
        let rule = |text: &str| {
            let body = Body { rules: vec![text.to_owned()], jump: Jump::First };
            Firewall([(Family::V4, Rules([(Chain::Input, body)].into()))].into())
        };
        let apply = |want: &State| {
            let seen = host.look(want, Parts::ALL).unwrap();
            host.apply(diff(&seen.state, want, Parts::ALL))
        };
        // As on a kernel without what the rules need.
        want.firewall = rule("-m nothing -j DROP");
        let report = apply(&want);
        assert!(report.failed().contains(Parts::FIREWALL), "{report:?}");
        let seen = host.observe(Parts::ALL).unwrap();
        assert!(seen.links.len() == 2 && seen.links.values().all(|link| !link.up), "{seen:?}");
        assert_eq!(sh("cat /proc/sys/net/ipv4/ip_forward"), "0\n");
        want.firewall = rule("-i wgmesh0 -j DROP");
        let report = apply(&want);
        assert!(report.failures.is_empty(), "{report:?}");
        let seen = host.observe(Parts::ALL).unwrap();
        assert!(seen.links.values().all(|link| link.up), "{seen:?}");
        assert_eq!(sh("cat /proc/sys/net/ipv4/ip_forward"), "1\n");
        host.cleanup(&BTreeMap::new());
    });
}
