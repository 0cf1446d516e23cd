//! Packets between containers, and out of the overlay.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use wgcni_lab::capture::Capture;
use wgcni_lab::packet::Secret;
use wgcni_lab::probe::source_seen;
use wgcni_lab::underlay::INTERNET;
use wgcni_lab::{Cluster, ping};

#[test]
fn containers_of_one_node_see_true_sources() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let db = cluster.attach(&node, "db").unwrap();
    for (from, to) in web.addresses().into_iter().zip(db.addresses()) {
        let seen = source_seen(web.netns(), db.netns(), (to, 80).into()).unwrap();
        assert_eq!(seen, from);
    }
}

#[test]
fn containers_of_two_nodes_see_true_sources_and_the_underlay_sees_nothing() {
    let cluster = Cluster::new().unwrap();
    let overlay =
        cluster.prefixes().unwrap().iter().map(|prefix| prefix.parse().unwrap()).collect();
    let marker = b"nobody reads me!";
    let secret = Secret { overlay, marker: marker.to_vec() };
    let capture = Capture::start(cluster.lab().underlay(), secret).unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    for (one, other) in web.addresses().into_iter().zip(db.addresses()) {
        let seen = source_seen(web.netns(), db.netns(), (other, 80).into()).unwrap();
        assert_eq!(seen, one);
        let seen = source_seen(db.netns(), web.netns(), (one, 80).into()).unwrap();
        assert_eq!(seen, other);
        assert!(ping::reaches(&web, other, marker).unwrap());
    }
    let seen = capture.stop().unwrap();
    assert!(seen.proves_encryption(), "{seen:?}");
}

#[test]
fn a_node_reaches_its_own_and_other_containers_from_its_node_address() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let own = ash.addresses().unwrap();
    for to in [&web, &db] {
        for (address, own) in to.addresses().into_iter().zip(own) {
            let seen = source_seen(ash.host().netns(), to.netns(), (address, 80).into()).unwrap();
            assert_eq!(seen, own, "{} sees", to.name());
        }
    }
}

#[test]
fn egress_has_the_nodes_address_outside_of_the_overlay() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let internet: [IpAddr; 2] = [INTERNET.0.into(), INTERNET.1.into()];
    let own: [IpAddr; 2] = [node.host().v4().into(), node.host().v6().into()];
    for (address, own) in internet.into_iter().zip(own) {
        let outside = cluster.lab().outside().netns();
        let seen = source_seen(web.netns(), outside, (address, 80).into()).unwrap();
        assert_eq!(seen, own);
    }
}

#[test]
fn full_size_packets_pass_between_nodes() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    // With "don't fragment": 1420 of the mesh, less the IP and ICMP headers.
    for (address, size) in db.addresses().into_iter().zip(["1392", "1372"]) {
        let address = address.to_string();
        web.exec(&["ping", "-M", "do", "-s", size, "-c", "2", "-W", "3", &address]).unwrap();
    }
}
