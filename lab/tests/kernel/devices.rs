//! What only the kernel's own devices can show. These run inside the machine.

use wgcni_lab::{Cluster, Netns, Node, ping, wait};

/// UDP ports that are open in a namespace, of both families.
fn udp_ports(netns: &Netns) -> Vec<u16> {
    let tables = ["udp", "udp6"]
        .map(|table| netns.run(&["cat", &format!("/proc/thread-self/net/{table}")]).unwrap());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let port = |line: &str| {
        let local = line.split_whitespace().nth(1)?;
        u16::from_str_radix(local.split_once(':')?.1, 16).ok()
    };
    lines.filter_map(port).collect()
}

/// What runs a node's mesh device, as `ip` says.
pub fn kind(node: &Node) -> &'static str {
    let link = node.host().run(&["ip", "-d", "link", "show", "wgmesh0"]).unwrap();
    let kinds = ["wireguard", "tun"].into_iter();
    let mut found = kinds.filter(|kind| link.contains(&format!("    {kind} ")));
    found.next().unwrap_or_else(|| panic!("{link}"))
}

pub fn a_containers_socket_stays_with_its_host() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    assert_eq!(kind(&node), "wireguard");
    let web = cluster.attach(&node, "web").unwrap();
    let port = web.exec(&["wg", "show", "eth0", "listen-port"]).unwrap().trim().parse().unwrap();
    assert_eq!(udp_ports(web.netns()), [0_u16; 0]);
    assert!(udp_ports(node.host().netns()).contains(&port), "{port}");
    assert_eq!(web.links().unwrap(), ["lo", "eth0"]);
}

pub fn a_deleted_peer_and_a_deleted_route_come_back() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node_with("ash", "resync_seconds = 2").unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let state = || {
        let peers = (ash.mesh_peers().unwrap(), ash.hub_peers().unwrap());
        (peers, ash.routes().unwrap())
    };
    let before = state();
    let to_birch = before.1.iter().find(|route| route.contains("wgmesh0")).unwrap();
    let to_birch = to_birch.split(' ').next().unwrap();
    let mesh_peer = ["wg", "set", "wgmesh0", "peer", &before.0.0[0], "remove"];
    let hub_peer = ["wg", "set", "wghub0", "peer", &before.0.1[0].0, "remove"];
    let route = ["ip", "route", "del", to_birch, "proto", "177"];
    for damage in [&mesh_peer[..], &hub_peer, &route] {
        ash.host().run(damage).unwrap();
        wait::until(&format!("{damage:?} to be undone"), || state() == before).unwrap();
    }
    for address in db.addresses() {
        // A container knocks at its hub by itself within 25 s.
        let reached = || ping::reaches(&web, address, &[0; 16]).unwrap();
        wait::until(&format!("{address}"), reached).unwrap();
    }
}
