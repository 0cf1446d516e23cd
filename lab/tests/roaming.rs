//! A node that moves without telling.
#![allow(clippy::unwrap_used)]

use std::thread::sleep;
use std::time::Duration;

use wgcni_lab::{Cluster, Node, ping, wait};

/// Where it moves, and where it says later that it is.
const NEW: &str = "192.168.77.200";
const WRONG: &str = "192.168.77.250";

fn endpoints(node: &Node) -> String {
    node.host().run(&["wg", "show", "wgmesh0", "endpoints"]).unwrap()
}

fn applied(node: &Node) -> u64 {
    node.status().unwrap()["appliedRevision"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_node_that_moves_is_followed_and_what_it_announces_does_not_win() {
    let cluster = Cluster::with(&[("WGCNI_ENDPOINT_CIDRS", "192.168.77.0/24")]).unwrap();
    let ash = cluster.add_node_with("ash", "resync_seconds = 1").unwrap();
    let host = cluster.lab().add_host("birch").unwrap();
    let old = host.v4().to_string();
    let birch = cluster.start_node(host, &format!("endpoint = \"{old}\"")).unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let reached = || ping::reaches(&db, web.v4().into(), &[0; 16]).unwrap();
    wait::until("a first answer", reached).unwrap();
    assert!(endpoints(&ash).contains(&format!("\t{old}:")), "{}", endpoints(&ash));

    let gateway = cluster.lab().outside().v4().to_string();
    for line in [
        format!("address add {NEW}/24 dev eth0"),
        format!("address del {old}/24 dev eth0"),
        format!("address add {NEW}/24 dev eth0 noprefixroute"),
        format!("route replace 192.168.77.0/24 dev eth0 src {NEW}"),
        format!("route replace default via {gateway}"),
    ] {
        // The new address may have gone with the old one, whose second it was.
        let words: Vec<&str> = line.split(' ').collect();
        let done = birch.host().netns().ip(&words);
        assert!(done.is_ok() || line.contains("noprefixroute"), "{done:?}");
    }
    wait::until("ash to follow", || reached() && endpoints(&ash).contains(NEW)).unwrap();

    // A list of peers that still has the old one, and some passes.
    let _cedar = cluster.add_node("cedar").unwrap();
    let two = || ash.mesh_peers().is_ok_and(|peers| peers.len() == 2);
    wait::until("ash to have both", two).unwrap();
    sleep(Duration::from_secs(3));
    assert!(endpoints(&ash).contains(&format!("\t{NEW}:")), "{}", endpoints(&ash));
    assert!(reached());

    // What works is not given up for what is announced.
    let revision = applied(&ash);
    birch.stop().unwrap();
    let file = birch.host().path("/etc/wgcni/node-manager.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace(&old, WRONG);
    std::fs::write(file, text).unwrap();
    birch.start().unwrap();
    wait::until("ash to hear of it", || applied(&ash) > revision).unwrap();
    sleep(Duration::from_secs(2));
    assert!(endpoints(&ash).contains(&format!("\t{NEW}:")), "{}", endpoints(&ash));
    assert!(reached());
}
