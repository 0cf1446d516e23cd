//! ADD, DEL, CHECK, GC, STATUS by way of a conflist.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use serde_json::{Value, json};
use wgcni_lab::cluster::conflist;
use wgcni_lab::cni::{DIRECTORY, PluginError};
use wgcni_lab::probe::source_seen_through;
use wgcni_lab::{Cluster, Container, Node, ping, wait};

fn devices(node: &Node) -> usize {
    node.host().run(&["wg", "show", "interfaces"]).unwrap().split_whitespace().count()
}

#[test]
fn del_takes_interface_and_peer_and_may_be_repeated() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let before = devices(&node);
    let web = cluster.attach(&node, "web").unwrap();
    let db = cluster.attach(&node, "db").unwrap();
    web.check().unwrap();
    assert_eq!(node.hub_peers().unwrap().len(), 2);
    web.detach().unwrap();
    assert_eq!(web.links().unwrap(), ["lo"]);
    assert_eq!(node.hub_peers().unwrap().len(), 1);
    wait::until("the device to go", || devices(&node) <= before + 1).unwrap();
    for address in web.addresses() {
        assert!(!ping::reaches(&db, address, &[0; 16]).unwrap());
    }
    web.check().unwrap_err();
    web.detach().unwrap();
    db.check().unwrap();
}

#[test]
fn a_released_address_rests_and_is_given_again() {
    let cluster = Cluster::with(&[("WGCNI_LEASE_LENGTH_V4", "29")]).unwrap();
    let node = cluster.add_node_with("ash", "quarantine_seconds = 2").unwrap();
    let mut containers = Vec::new();
    let full = loop {
        match cluster.attach(&node, &format!("c{}", containers.len())) {
            Ok(container) => containers.push(container),
            Err(error) => break error,
        }
        assert!(containers.len() < 8, "a /29 holds more than it can");
    };
    let refusal = full.downcast_ref::<PluginError>().unwrap_or_else(|| panic!("{full:#}"));
    assert!(refusal.to_string().contains(|c: char| c.is_ascii_digit()), "no numbers: {refusal}");
    node.network().unwrap().status().unwrap_err();
    let freed = containers[1].v4();
    containers[1].detach().unwrap();
    let next = wait::until_ok("the address to have rested", || containers[1].add_again()).unwrap();
    assert_eq!(next["ips"][0]["address"], format!("{freed}/32"));
}

#[test]
fn a_second_add_is_refused_and_touches_nothing() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let db = cluster.attach(&node, "db").unwrap();
    let key = web.public_key().unwrap();
    let refusal = web.add_again().unwrap_err();
    assert!(refusal.is::<PluginError>(), "{refusal:#}");
    assert_eq!(web.public_key().unwrap(), key);
    web.check().unwrap();
    for address in web.addresses() {
        assert!(ping::reaches(&db, address, &[0; 16]).unwrap());
    }
}

#[test]
fn an_interface_of_somebody_else_is_not_touched() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    web.detach().unwrap();
    let devices_before = devices(&node);
    let link = ["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other"];
    web.exec(&link).unwrap();
    let before = web.exec(&["ip", "-d", "address"]).unwrap();
    assert!(web.add_again().unwrap_err().is::<PluginError>());
    assert_eq!(web.exec(&["ip", "-d", "address"]).unwrap(), before);
    assert_eq!(node.hub_peers().unwrap(), []);
    wait::until("no device to stay", || devices(&node) <= devices_before).unwrap();
}

/// Loopback first, ports published last.
fn chained() -> Value {
    let mut list = conflist();
    list["plugins"] = json!([
        {"type": "loopback"},
        {"type": "wireguard-cni"},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]);
    list
}

#[test]
fn a_port_is_published_by_a_chained_portmap() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let file = "05-chained.conflist";
    node.host().write(&format!("{DIRECTORY}/{file}"), &chained().to_string()).unwrap();
    let ports = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
    let web = Container::attach(&cluster, &node, "web", file, &[("portMappings", ports)]).unwrap();
    // Ours alone: portmap's CHECK (1.1.1) looks for its IPv4 rules in the IPv6 table.
    node.network().unwrap().check(web.attachment(), web.result()).unwrap();
    let outside = cluster.lab().outside();
    let listen = SocketAddr::new(web.v4().into(), 80);
    let published = SocketAddr::new(node.host().v4().into(), 8080);
    let seen = source_seen_through(outside.netns(), web.netns(), listen, published).unwrap();
    assert_eq!(seen, outside.v4());
    web.detach().unwrap();
    let rules = node.host().run(&["iptables-save"]).unwrap();
    assert!(!rules.contains(&web.v4().to_string()), "{rules}");
}

#[test]
fn gc_keeps_what_is_valid_and_takes_the_rest() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let db = cluster.attach(&node, "db").unwrap();
    let valid = web.attachment();
    let network = node.network().unwrap();
    network.gc(&[(&valid.container_id, &valid.ifname)]).unwrap();
    web.check().unwrap();
    db.check().unwrap_err();
    assert_eq!(node.hub_peers().unwrap().len(), 1);
}

#[test]
fn a_del_while_the_daemon_is_down_is_made_good() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    node.stop().unwrap();
    let refusal = cluster.attach(&node, "late").unwrap_err();
    let code = refusal.downcast_ref::<PluginError>().map(|error| error.code);
    assert_eq!(code, Some(11), "{refusal:#}");
    web.detach().unwrap();
    assert_eq!(web.links().unwrap(), ["lo"]);
    node.start().unwrap();
    assert_eq!(node.hub_peers().unwrap(), []);
}
