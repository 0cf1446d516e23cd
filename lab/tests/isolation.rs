//! What must not get through.
#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnetwork::IpNetwork;
use wgcni_lab::capture::Capture;
use wgcni_lab::packet::Secret;
use wgcni_lab::probe::{connects, listen_tcp, listen_udp, receive_udp, send_udp};
use wgcni_lab::underlay::INTERNET;
use wgcni_lab::{Cluster, Container, ping};

/// Sends a message under a false name, then one under the true one; the first that
/// arrives must be the true one.
fn refuses(from: &Container, truth: IpAddr, lie: IpAddr, to: &Container, address: IpAddr) {
    // An IPv6 address that is still being checked for duplicates cannot be bound.
    let lie_prefix = format!("{lie}/{}", if lie.is_ipv4() { 32 } else { 128 });
    from.exec(&["ip", "address", "add", &lie_prefix, "dev", "eth0", "nodad"]).unwrap();
    let to_socket = SocketAddr::new(address, 53);
    let receiver = listen_udp(to.netns(), to_socket).unwrap();
    send_udp(from.netns(), lie, to_socket, b"lie").unwrap();
    send_udp(from.netns(), truth, to_socket, b"truth").unwrap();
    let message = receive_udp(&receiver).unwrap();
    assert_eq!(message, (b"truth".to_vec(), truth), "{lie} > {address}");
    from.exec(&["ip", "address", "del", &lie_prefix, "dev", "eth0"]).unwrap();
}

#[test]
fn spoofed_sources_are_dropped() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    let web = cluster.attach(&ash, "web").unwrap();
    let neighbour = cluster.attach(&ash, "api").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let underlay: [IpAddr; 2] = [birch.host().v4().into(), birch.host().v6().into()];
    for (family, underlay) in underlay.into_iter().enumerate() {
        let truth = web.addresses()[family];
        for lie in [neighbour.addresses()[family], underlay] {
            refuses(&web, truth, lie, &db, db.addresses()[family]);
        }
        refuses(&web, truth, db.addresses()[family], &neighbour, neighbour.addresses()[family]);
    }
}

#[test]
fn host_services_are_closed_but_those_that_are_opened_and_ping() {
    let cluster = Cluster::new().unwrap();
    let opened = "host_ports = [\"tcp/9999\"]";
    let ash = cluster.add_node_with("ash", opened).unwrap();
    let birch = cluster.add_node_with("birch", opened).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    for node in [&ash, &birch] {
        let host = node.host();
        let _services = ["0.0.0.0:22", "0.0.0.0:9999", "[::]:2222", "[::]:9998"]
            .map(|address| listen_tcp(host.netns(), address.parse().unwrap()).unwrap());
        for address in node.addresses().unwrap() {
            assert!(ping::reaches(&web, address, &[7; 16]).unwrap(), "ping {address}");
            for closed in [22, 2222, 9998] {
                let closed = SocketAddr::new(address, closed);
                assert!(connects(web.netns(), closed).unwrap().is_err(), "{closed} is open");
            }
        }
        let open = SocketAddr::new(node.addresses().unwrap()[0], 9999);
        assert!(connects(web.netns(), open).unwrap().is_ok(), "{open} is closed");
    }
    // The node's other addresses are the host as well.
    let _service = listen_tcp(ash.host().netns(), "0.0.0.0:22".parse().unwrap()).unwrap();
    let underlay = SocketAddr::new(ash.host().v4().into(), 22);
    assert!(connects(web.netns(), underlay).unwrap().is_err(), "{underlay} is open");
}

#[test]
fn services_of_a_host_stay_open_to_its_own_network() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node("ash").unwrap();
    let _service = listen_tcp(ash.host().netns(), "0.0.0.0:22".parse().unwrap()).unwrap();
    let address = SocketAddr::new(ash.host().v4().into(), 22);
    connects(cluster.lab().outside().netns(), address).unwrap().unwrap();
    connects(ash.host().netns(), address).unwrap().unwrap();
}

#[test]
fn an_address_that_nobody_has_is_unreachable_and_nothing_leaks() {
    let cluster = Cluster::new().unwrap();
    let overlay: Vec<IpNetwork> =
        cluster.prefixes().unwrap().iter().map(|prefix| prefix.parse().unwrap()).collect();
    // The last lease of each cluster prefix: leases are given from the first on.
    let nobody = overlay.iter().map(|prefix| match prefix {
        IpNetwork::V4(prefix) => IpAddr::from(prefix.nth(prefix.size() - 2).unwrap()),
        IpNetwork::V6(prefix) => Ipv6Addr::from(prefix.ip().to_bits() | (0xffff << 64) | 1).into(),
    });
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let secret = Secret { overlay: overlay.clone(), marker: Vec::new() };
    let capture = Capture::start(cluster.lab().underlay(), secret).unwrap();
    for address in nobody {
        for from in [web.netns(), node.host().netns()] {
            let error = connects(from, (address, 80).into()).unwrap().unwrap_err();
            let unreachable = [ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable];
            assert!(unreachable.contains(&error.kind()), "{address} from {}: {error}", from.name());
        }
    }
    let seen = capture.stop().unwrap();
    assert_eq!(seen.plain, 0, "{seen:?}");
}

/// A node that was broken into sends internet traffic to another node's tunnel.
#[test]
fn a_node_is_no_exit_for_others() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let outside = cluster.lab().outside().netns();
    ash.stop().unwrap();
    let peer = ash.mesh_peers().unwrap().remove(0);
    let own = birch.addresses().unwrap();
    let allowed = format!("{}/32,{}/128,{}/32,{}/128", own[0], own[1], INTERNET.0, INTERNET.1);
    ash.host().run(&["wg", "set", "wgmesh0", "peer", &peer, "allowed-ips", &allowed]).unwrap();
    for (address, own) in [IpAddr::from(INTERNET.0), INTERNET.1.into()].into_iter().zip(own) {
        let family = if address.is_ipv4() { "-4" } else { "-6" };
        let route = ["ip", family, "route", "replace", &address.to_string(), "dev", "wgmesh0"];
        ash.host().run(&route).unwrap();
        let _service = listen_tcp(outside, (address, 80).into()).unwrap();
        let through = connects(ash.host().netns(), (address, 80).into()).unwrap();
        assert!(through.is_err(), "{address} is reached through birch");
        // The way to birch itself is open.
        ash.host().run(&["ping", "-c", "1", "-W", "3", &own.to_string()]).unwrap();
    }
}
