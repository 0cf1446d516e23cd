//! What goes into a tunnel comes out of the other end, byte by byte.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/flows.rs"]
mod flows;

use common::{Host, Namespace, Place, pair, wire};

const MIB: usize = 1 << 20;

#[test]
fn both_families_cross_over_either_family() {
    for outer_v6 in [false, true] {
        let (a, b) = pair(1500, outer_v6);
        for to in ["10.0.0.2", "fd00::2"] {
            a.ping(to);
            // The longest that fits, and one that is cut into fragments.
            a.ping(&format!("-M do -s 1372 {to}"));
            a.ping(&format!("-s 4000 {to}"));
        }
        b.ping("fd00::1");
    }
}

#[test]
fn a_hundred_megabytes_arrive_as_sent() {
    let (a, b) = pair(1500, false);
    flows::tcp(&a, &b, "10.0.0.2", 4000, 100 * MIB);
    flows::tcp(&b, &a, "fd00::1", 4000, 100 * MIB);
}

#[test]
fn jumbo_frames_arrive_as_sent() {
    let (a, b) = pair(9000, true);
    flows::tcp(&a, &b, "fd00::2", 4000, 32 * MIB);
    flows::tcp(&b, &a, "10.0.0.1", 4000, 32 * MIB);
    flows::udp(&a, &b, "10.0.0.2", 4001, (1..8893).step_by(331).collect());
}

#[test]
fn a_path_too_narrow_for_the_link_still_carries_it() {
    let (a, b) = pair(1500, false);
    for host in [&a, &b] {
        host.command("ip link set wg0 mtu 1500");
    }
    flows::tcp(&a, &b, "10.0.0.2", 4000, 8 * MIB);
    flows::udp(&a, &b, "fd00::2", 4001, (1300..1453).collect());
}

#[test]
fn flows_at_the_same_time_do_not_mix() {
    let (a, b) = pair(1500, false);
    std::thread::scope(|scope| {
        for port in 4000..4004 {
            let (a, b) = (&a, &b);
            scope.spawn(move || flows::tcp(a, b, "10.0.0.2", port, 10 * MIB));
            scope.spawn(move || flows::tcp(b, a, "fd00::1", port, 10 * MIB));
        }
        let sizes: Vec<usize> = (0..1373).step_by(5).collect();
        let (a, b) = (&a, &b);
        scope.spawn(move || flows::udp(a, b, "fd00::2", 5000, sizes));
    });
}

#[test]
fn datagrams_of_any_size_arrive_whole() {
    let (a, b) = pair(1500, false);
    flows::udp(&a, &b, "10.0.0.2", 4000, (0..1393).collect());
    flows::udp(&a, &b, "fd00::2", 4000, (0..1373).step_by(3).collect());
    flows::udp(&b, &a, "10.0.0.1", 4000, vec![1, 20_000, 65_507, 3]);
    flows::udp_burst(&a, &b, "10.0.0.2", 4001, 1000, 20_100);
    flows::udp_burst(&a, &b, "fd00::2", 4001, 1333, 40_001);
}

/// Container, hub, mesh, hub, container: what the project is for. What is forwarded comes with
/// other headers than what a host sends itself.
#[test]
fn containers_reach_each_other_through_three_tunnels() {
    let hosts = [Host::start(), Host::start()];
    wire(&hosts[0], &hosts[1], 1500);
    let containers = [Namespace::new(), Namespace::new()];
    let mesh = hosts.each_ref().map(|host| host.device("wgmesh0", 51820));
    for me in [0, 1] {
        let other = 1 - me;
        let endpoint = format!("192.0.2.{}:51820", other + 1);
        let lease = format!("10.0.{other}.0/24,fd00:{other}::/64");
        hosts[me].peer("wgmesh0", &mesh[other], &endpoint, &lease);
        attach(&hosts[me], &containers[me], me);
        for route in [
            format!("10.0.{me}.0/24 dev wghub0"),
            format!("fd00:{me}::/64 dev wghub0"),
            format!("10.0.{other}.0/24 dev wgmesh0"),
            format!("fd00:{other}::/64 dev wgmesh0"),
        ] {
            hosts[me].command(&format!("ip route add {route}"));
        }
    }
    containers[0].ping("10.0.1.2");
    containers[1].ping("fd00:0::2");
    flows::tcp(&containers[0], &containers[1], "10.0.1.2", 4000, 32 * MIB);
    flows::tcp(&containers[1], &containers[0], "fd00:0::2", 4000, 32 * MIB);
}

/// Gives the container a link of its own to the host's hub.
fn attach(host: &Host, container: &Namespace, number: usize) {
    let hub = host.device("wghub0", 51819);
    let key = host.device("wgtemp", 0);
    host.peer("wgtemp", &hub, "127.0.0.1:51819", "0.0.0.0/0,::/0");
    // So that the hub knows where the container is before it has spoken.
    host.command(&format!("wg set wgtemp peer {hub} persistent-keepalive 25"));
    let addresses = format!("10.0.{number}.2/32,fd00:{number}::2/128");
    host.command(&format!("wg set wghub0 peer {key} allowed-ips {addresses}"));
    host.command("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    for link in ["wghub0", "wgmesh0"] {
        host.command(&format!("ip link set {link} mtu 1420 up"));
    }
    let net = container.net();
    host.command(&format!("ip link set wgtemp netns {net} name eth0"));
    container.command(&format!("ip addr add 10.0.{number}.2/32 dev eth0"));
    container.command(&format!("ip addr add fd00:{number}::2/128 dev eth0 nodad"));
    container.command("ip link set eth0 mtu 1420 up");
    container.command("ip route add default dev eth0");
    container.command("ip -6 route add default dev eth0");
}
