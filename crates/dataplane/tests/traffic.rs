//! What the whole of it lets through: a container, its host, and the world outside.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;
use support::{Process, attachment, cluster, container, host, key, link, peer, sh, sh_in, tunnels};
use wgcni_dataplane::container::{KEEPALIVE, Wish, create};
use wgcni_dataplane::firewall::{Policy, Protocol};
use wgcni_dataplane::{Host, LinkName, Namespace, Parts, Peer, Route, State, Sysctl, mark};
use wgcni_model::{Addresses, Prefixes, PrivateKey, PublicKey};

/// A host whose one container is 10.64.1.2, and a neighbour at 192.0.2.2.
struct World {
    _process: Process,
    inside: Namespace,
    outside: Namespace,
}

fn prefixes(list: [&str; 2]) -> Prefixes {
    Prefixes::from_items(list.map(|p| p.parse().unwrap())).unwrap()
}

fn node(container: PublicKey) -> State {
    let mut hub = link(51819, &["10.64.1.1/32", "fd00:0:0:1::1/128"]);
    hub.wireguard.peers.insert(container, peer(None, &["10.64.1.2/32", "fd00:0:0:1::2/128"]));
    let policy = Policy {
        cluster: prefixes(["10.64.0.0/12", "fd00::/48"]),
        lease: prefixes(["10.64.1.0/24", "fd00:0:0:1::/64"]),
        hub_port: 51819,
        host_ports: vec![(Protocol::Tcp, 4646)],
    };
    let via = |to: &str, source: &str| {
        Route::via(to.parse().unwrap(), LinkName::Hub, Some(source.parse().unwrap()))
    };
    let routes = [via("10.64.1.0/24", "10.64.1.1"), via("fd00:0:0:1::/64", "fd00:0:0:1::1")];
    let sysctls = [Sysctl::ipv4_forwarding(), Sysctl::ipv6_forwarding()];
    State {
        links: [(LinkName::Hub, hub)].into(),
        routes: routes.into(),
        sysctls: sysctls.map(|key| (key, "1".to_owned())).into(),
        firewall: policy.firewall(),
    }
}

fn attach(process: &Process, inside: &Namespace, hub: PublicKey, own: &PrivateKey) {
    let any = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap());
    let addresses = ["10.64.1.2", "fd00:0:0:1::2"].map(|a| a.parse().unwrap());
    let wish = Wish {
        device: "wgctraffic".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
        alias: mark::container(&attachment()),
        addresses: Addresses::from_items(addresses).unwrap(),
        hub_key: hub,
        hub: Peer {
            keepalive: KEEPALIVE,
            allowed_ips: any.into(),
            ..peer(Some("127.0.0.1:51819"), &[])
        },
        mtu: 1420,
        routes: any.to_vec(),
    };
    create(&process.engine, inside, &wish, own).unwrap().commit();
}

fn world() -> World {
    // A host as Docker leaves it.
    sh("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
    let (inside, outside) = (container(), container());
    let path = format!("/proc/{}/fd/{}", std::process::id(), outside.as_fd().as_raw_fd());
    sh(&format!("ip link add up0 type veth peer name out0; ip link set out0 netns {path}"));
    sh(
        "ip addr add 192.0.2.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad; ip link set up0 up",
    );
    // The neighbour knows where the overlay is, and speaks for addresses that are not its own.
    sh_in(&outside, "ip link set lo up; ip addr add 192.0.2.2/24 dev out0; ip addr add 2001:db8::2/64 dev out0 nodad
        ip link set out0 up; ip route add 10.64.1.0/24 via 192.0.2.1; ip -6 route add fd00:0:0:1::/64 via 2001:db8::1
        ip addr add 10.64.9.9/32 dev lo; ip addr add fd00:0:0:9::9/128 dev lo nodad; ip addr add 169.254.169.254/32 dev lo");
    sh("ip route add default via 192.0.2.2; ip -6 route add default via 2001:db8::2");
    let (process, own) = (tunnels(), key());
    let want = node(own.public_key());
    let report =
        Host::new(cluster(), process.engine.clone()).unwrap().reconcile(&want, Parts::ALL).unwrap();
    assert!(report.is_ok(), "{:?}", report.failures);
    attach(&process, &inside, want.links[&LinkName::Hub].wireguard.private_key.public_key(), &own);
    World { _process: process, inside, outside }
}

fn pings(to: &str) -> bool {
    let tried = sh(&format!("ping -c1 -W1 {to} >/dev/null 2>&1 && echo yes || echo no"));
    tried.trim() == "yes"
}

fn pings_from(namespace: &Namespace, to: &str) -> bool {
    namespace.run(|| pings(to)).unwrap()
}

fn connects(namespace: &Namespace, to: &str) -> bool {
    let to: SocketAddr = to.parse().unwrap();
    let connect = || TcpStream::connect_timeout(&to, Duration::from_secs(1)).is_ok();
    namespace.run(connect).unwrap()
}

#[test]
fn containers_reach_the_world_with_the_hosts_address_and_it_does_not_reach_them() {
    host(|| {
        let World { inside, outside, .. } = &world();
        assert!(pings_from(inside, "192.0.2.2") && pings_from(inside, "2001:db8::2"));
        let seen_as = |at: &str| {
            let socket = outside.run(|| UdpSocket::bind((at, 7000)).unwrap()).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let any = if at.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
            inside
                .run(|| UdpSocket::bind(any).unwrap().send_to(&[1], (at, 7000)).unwrap())
                .unwrap();
            socket.recv_from(&mut [0]).unwrap().1.ip().to_string()
        };
        assert_eq!(seen_as("192.0.2.2"), "192.0.2.1");
        assert_eq!(seen_as("2001:db8::2"), "2001:db8::1");
        assert!(!pings_from(outside, "10.64.1.2") && !pings_from(outside, "fd00:0:0:1::2"));
        // The host itself reaches its container, with an overlay address.
        assert!(pings("10.64.1.2") && pings("fd00:0:0:1::2"));
    });
}

#[test]
fn overlay_addresses_are_spoken_for_and_sent_to_by_nobody_else() {
    host(|| {
        let World { inside, outside, .. } = &world();
        assert!(pings_from(outside, "192.0.2.1"));
        for spoof in ["-I 10.64.9.9 192.0.2.1", "-I fd00:0:0:9::9 2001:db8::1"] {
            assert!(!pings_from(outside, spoof), "{spoof}");
        }
        // There is a way to the neighbour, who would answer: a missing route does not leak.
        for stray in ["10.64.9.9", "fd00:0:0:9::9"] {
            assert!(!pings_from(inside, stray), "{stray}");
        }
        assert!(pings("169.254.169.254") && !pings_from(inside, "169.254.169.254"));
        // Another source than its own dies in the tunnel.
        sh_in(inside, "ip addr add 10.64.1.3/32 dev eth0; ip addr add 192.0.2.7/32 dev eth0");
        for spoof in ["-I 10.64.1.3 192.0.2.2", "-I 192.0.2.7 192.0.2.2"] {
            assert!(!pings_from(inside, spoof), "{spoof}");
        }
    });
}

#[test]
fn host_services_are_closed_but_those_that_the_operator_opens() {
    host(|| {
        let World { inside, outside, .. } = &world();
        let listen = |port| TcpListener::bind(("::", port)).unwrap();
        let _services = (listen(7000), listen(4646));
        assert!(connects(outside, "192.0.2.1:7000"));
        for host in ["10.64.1.1", "192.0.2.1", "[fd00:0:0:1::1]", "[2001:db8::1]"] {
            assert!(!connects(inside, &format!("{host}:7000")), "{host}");
            assert!(connects(inside, &format!("{host}:4646")), "{host}");
        }
        assert!(pings_from(inside, "10.64.1.1") && pings_from(inside, "fd00:0:0:1::1"));
        // The hub's port is for loopback.
        let knock =
            || UdpSocket::bind("0.0.0.0:0").unwrap().send_to(&[1], "192.0.2.1:51819").unwrap();
        outside.run(knock).unwrap();
        let dropped = sh("iptables -nvxL WGCNI-INPUT | awk '/dpt:51819/ { print $1 }'");
        assert_eq!(dropped.trim(), "1");
    });
}
