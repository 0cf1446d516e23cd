//! What the kernel remembers of flows goes with the peer that they were of.
#![allow(clippy::unwrap_used)]

mod support;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr as NetlinkAddress};
use std::net::{IpAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use support::{
    container, fresh, host, key, link, parts, peer, reconcile, sh, sh_in, tunnels, until,
};
use wgcni_dataplane::{Change, LinkName, Namespace, Parts, State, Sysctl};
use wgcni_model::PublicKey;

/// Messages of a dump of all flows that this network namespace knows.
fn flows() -> Vec<Vec<u8>> {
    let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&NetlinkAddress::new(0, 0)).unwrap();
    // nlmsghdr: length, NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_GET, NLM_F_REQUEST and
    // NLM_F_DUMP; then nfgenmsg: any family.
    let mut request = vec![20, 0, 0, 0];
    request.extend(0x0101_u16.to_ne_bytes());
    request.extend(0x0301_u16.to_ne_bytes());
    request.resize(20, 0);
    socket.send(&request, 0).unwrap();
    let mut found = Vec::new();
    loop {
        let mut bytes = Vec::with_capacity(64 * 1024);
        socket.recv(&mut bytes, 0).unwrap();
        let mut rest = bytes.as_slice();
        while let Some(head) = rest.first_chunk::<4>() {
            let length = u32::from_ne_bytes(*head) as usize;
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            // NLMSG_ERROR, NLMSG_DONE.
            assert_ne!(kind, 2, "the kernel lists no flows");
            if kind == 3 {
                return found;
            }
            found.push(rest[..length].to_vec());
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// How many flows have this address at an end.
fn of(address: &str) -> usize {
    let octets = match address.parse().unwrap() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let has = |flow: &&Vec<u8>| flow.windows(octets.len()).any(|bytes| bytes == octets);
    flows().iter().filter(has).count()
}

/// A namespace behind a link of its own, which has these addresses.
fn beside(link: &str, addresses: &[&str]) -> Namespace {
    let inside = container();
    let path = format!("/proc/{}/fd/{}", std::process::id(), inside.as_fd().as_raw_fd());
    sh(&format!(
        "ip link add {link} type veth peer name e0; ip link set e0 netns {path}
        ip addr add 169.254.1.1/32 dev {link}; ip addr add fe80::1/64 dev {link} nodad
        ip link set {link} up"
    ));
    sh_in(
        &inside,
        "ip link set lo up; ip link set e0 up
        ip route add 169.254.1.1 dev e0; ip addr add fe80::2/64 dev e0 nodad",
    );
    for address in addresses {
        let (v, slash, gate) = match address.parse::<IpAddr>().unwrap() {
            IpAddr::V4(_) => ("-4", 32, "169.254.1.1 onlink"),
            IpAddr::V6(_) => ("-6", 128, "fe80::1"),
        };
        let nodad = if v == "-6" { "nodad" } else { "" };
        sh_in(
            &inside,
            &format!(
                "ip addr add {address}/{slash} dev e0 {nodad}
            ip {v} route replace default via {gate} dev e0 src {address}"
            ),
        );
        sh(&format!("ip {v} route add {address} dev {link} metric 1"));
    }
    inside
}

fn send(from: &Namespace, source: &str, to: &str) {
    let to: IpAddr = to.parse().unwrap();
    let source: IpAddr = source.parse().unwrap();
    from.run(|| UdpSocket::bind((source, 5000)).unwrap().send_to(&[1], (to, 7000)).unwrap())
        .unwrap();
}

struct World {
    want: State,
    container: PublicKey,
    node: PublicKey,
    apart: [Namespace; 3],
}

/// Two containers, one of another node, and the world outside, all with flows. They are
/// beside the tunnels: what is tracked is the same.
fn world() -> World {
    sh("iptables -t nat -A POSTROUTING -o out0 -j MASQUERADE
        ip6tables -t nat -A POSTROUTING -o out0 -j MASQUERADE
        iptables -A FORWARD -m conntrack --ctstate NEW -j ACCEPT
        ip6tables -A FORWARD -m conntrack --ctstate NEW -j ACCEPT");
    let inside = beside("in0", &["10.64.1.2", "10.64.1.3", "fd00:0:0:1::2", "fd00:0:0:1::3"]);
    let far = beside("far0", &["10.64.2.9", "fd00:0:0:2::9"]);
    let outside = beside("out0", &["192.0.2.2", "2001:db8::2"]);
    sh("ip addr add 192.0.2.1/32 dev out0; ip addr add 2001:db8::1/128 dev out0 nodad");
    let (container, other, node) = (key().public_key(), key().public_key(), key().public_key());
    let mut hub = link(51819, &["10.64.1.1/32", "fd00:0:0:1::1/128"]);
    let peers = &mut hub.wireguard.peers;
    peers.insert(container, peer(None, &["10.64.1.2/32", "fd00:0:0:1::2/128"]));
    peers.insert(other, peer(None, &["10.64.1.3/32", "fd00:0:0:1::3/128"]));
    let mut mesh = link(51820, &["10.64.1.1/32", "fd00:0:0:1::1/128"]);
    mesh.wireguard.peers.insert(node, peer(None, &["10.64.2.0/24", "fd00:0:0:2::/64"]));
    let sysctls = [Sysctl::ipv4_forwarding(), Sysctl::ipv6_forwarding()];
    let want = State {
        links: [(LinkName::Hub, hub), (LinkName::Mesh, mesh)].into(),
        sysctls: sysctls.map(|key| (key, "1".to_owned())).into(),
        ..State::default()
    };
    World { want, container, node, apart: [inside, far, outside] }
}

impl World {
    fn talk(&self) {
        let [inside, far, _] = &self.apart;
        for (own, other, node, world) in [
            ("10.64.1.2", "10.64.1.3", "10.64.2.9", "192.0.2.2"),
            ("fd00:0:0:1::2", "fd00:0:0:1::3", "fd00:0:0:2::9", "2001:db8::2"),
        ] {
            send(inside, own, world);
            send(inside, other, world);
            send(far, node, other);
        }
    }
}

const OWN: [&str; 2] = ["10.64.1.2", "fd00:0:0:1::2"];
const OTHER: [&str; 2] = ["10.64.1.3", "fd00:0:0:1::3"];
const NODE: [&str; 2] = ["10.64.2.9", "fd00:0:0:2::9"];

#[test]
fn flows_of_a_removed_peer_are_forgotten_and_others_stay() {
    host(|| {
        let process = tunnels();
        let (host, mut world) = (fresh(&process), world());
        reconcile(&host, &world.want);
        world.talk();
        let counts = || [OWN, OTHER, NODE].map(|pair| pair.map(of));
        until("all flows are tracked", || counts() == [[1, 1], [2, 2], [1, 1]]);
        // A pass that takes nobody away forgets nothing.
        assert_eq!(reconcile(&host, &world.want), []);
        assert_eq!(counts(), [[1, 1], [2, 2], [1, 1]]);

        let hub = world.want.links.get_mut(&LinkName::Hub).unwrap();
        hub.wireguard.peers.remove(&world.container).unwrap();
        let done = reconcile(&host, &world.want);
        assert!(matches!(done.as_slice(), [Change::RemovePeer(..), Change::ForgetFlows(..)]));
        assert_eq!(counts(), [[0, 0], [2, 2], [1, 1]]);

        let mesh = world.want.links.get_mut(&LinkName::Mesh).unwrap();
        mesh.wireguard.peers.remove(&world.node).unwrap();
        let report = host.reconcile(&world.want, parts().without(Parts::HUB)).unwrap();
        assert!(report.is_ok(), "{:?}", report.failures);
        assert_eq!(counts(), [[0, 0], [1, 1], [0, 0]]);
    });
}
