//! A machine that takes the place of another, and one that only tries to.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use serde_json::json;
use wgcni_lab::command::checked;
use wgcni_lab::flow::Pings;
use wgcni_lab::{Cluster, Container, Node, ping, programs, wait};

fn mesh_key(node: &Node) -> String {
    node.host().run(&["wg", "show", "wgmesh0", "public-key"]).unwrap().trim().to_owned()
}

fn deregister(cluster: &Cluster, node: &str) {
    let method = "wgcni.wireguard.v1.WireguardService/DeregisterPeer";
    cluster.call(method, &json!({ "node": node })).unwrap();
}

fn reasons(node: &Node) -> String {
    node.status().unwrap()["reasons"].to_string()
}

fn has_exactly(node: &Node, key: &str) -> bool {
    node.mesh_peers().is_ok_and(|peers| peers == [key])
}

fn reaches(from: &Container, to: &Container) {
    for address in to.addresses() {
        assert!(ping::reaches(from, address, &[0; 16]).unwrap(), "{address}");
    }
}

#[test]
fn the_old_key_of_a_replaced_node_is_soon_gone_everywhere() {
    let cluster = Cluster::plaintext(&[]).unwrap();
    let [ash, birch, cedar] = ["ash", "birch", "cedar"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let (old, addresses) = (mesh_key(&cedar), cedar.addresses().unwrap());
    cedar.kill().unwrap();
    let mut purge = cedar.host().command(programs::find("node-manager").unwrap()).unwrap();
    checked(purge.args(["cleanup", "--purge"])).unwrap();
    cedar.start().unwrap();
    let new = mesh_key(&cedar);
    assert_ne!(new, old);
    // The cluster-manager has heard of the old one a moment ago: it may still live.
    wait::until("the refusal", || reasons(&cedar).contains("alive with another key")).unwrap();
    assert!(birch.mesh_peers().unwrap().contains(&old));
    deregister(&cluster, "cedar");
    let registered = || {
        let log = std::fs::read_to_string(cluster.host().log_of("cluster-manager")).unwrap();
        log.lines().any(|line| line.contains("registered") && line.contains(&new))
    };
    wait::until("the new registration", registered).unwrap();
    let start = Instant::now();
    let replaced = |node: &Node| {
        let peers = node.mesh_peers().unwrap();
        peers.contains(&new) && !peers.contains(&old)
    };
    wait::until("the new key everywhere", || replaced(&ash) && replaced(&birch)).unwrap();
    println!("{:?} from the registration until every node had the new key", start.elapsed());
    assert_eq!(cedar.addresses().unwrap(), addresses);
    let db = cluster.attach(&cedar, "db").unwrap();
    reaches(&web, &db);
}

#[test]
fn the_clone_of_a_living_node_changes_nothing_until_that_is_taken_out() {
    let cluster = Cluster::plaintext(&[]).unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    reaches(&web, &db);
    let original = mesh_key(&birch);
    let pings = Pings::start(web.netns(), db.v4().into()).unwrap();
    let host = cluster.lab().add_host("twin").unwrap();
    let twin = cluster.start_node_as("birch", host, "").unwrap();
    wait::until("the refusal", || reasons(&twin).contains("alive with another key")).unwrap();
    assert!(reasons(&twin).contains(&original), "{}", reasons(&twin));
    std::thread::sleep(Duration::from_millis(500));
    assert!(has_exactly(&ash, &original));
    pings.end_without_loss().unwrap();

    deregister(&cluster, "birch");
    let clone = mesh_key(&twin);
    wait::until("the clone to be the peer", || has_exactly(&ash, &clone)).unwrap();
    let api = cluster.attach(&twin, "api").unwrap();
    reaches(&web, &api);
    wait::until("the original to be refused", || reasons(&birch).contains(&clone)).unwrap();
    assert!(has_exactly(&ash, &clone));
}
