//! A cluster-manager that is away, and one that comes back with less than it knew.
#![allow(clippy::unwrap_used)]

use serde_json::json;
use wgcni_lab::flow::Pings;
use wgcni_lab::{Cluster, Container, Node, ping, wait};

const STATE: &str = "/var/lib/wgcni/cluster-manager";

/// Every change of the kernel is a line of the log.
const LOUD: &str = "log = \"info,node_manager=debug\"";

/// Changes of the mesh or its routes that a node has logged.
fn mesh_changes(node: &Node) -> Vec<String> {
    let log = node.log();
    let lines = log.lines().filter(|line| line.contains("applied") && line.contains("Mesh"));
    lines.map(str::to_owned).collect()
}

/// When each peer shook hands last, in seconds of Unix time.
fn handshakes(node: &Node) -> Vec<(String, u64)> {
    let lines = node.host().run(&["wg", "show", "wgmesh0", "latest-handshakes"]).unwrap();
    let peer = |line: &str| {
        let (key, at) = line.split_once('\t').unwrap();
        (key.to_owned(), at.parse().unwrap())
    };
    let mut peers: Vec<_> = lines.lines().map(peer).collect();
    peers.sort();
    peers
}

fn connected(node: &Node) -> bool {
    node.status().is_ok_and(|status| status["clusterManagerConnected"] == true)
}

/// The nodes that the cluster-manager lists.
fn listed(cluster: &Cluster) -> Vec<String> {
    let list = cluster.call("wgcni.wireguard.v1.WireguardService/ListPeers", &json!({}));
    let Ok(list) = list else { return Vec::new() };
    let peers = list["peers"].as_array().cloned().unwrap_or_default();
    peers.iter().map(|peer| peer["peer"]["node"].as_str().unwrap().to_owned()).collect()
}

/// The leases as the cluster-manager lists them.
fn leases(cluster: &Cluster) -> Vec<String> {
    let list = cluster.call("wgcni.ipam.v1.IpamService/List", &json!({})).unwrap();
    list["leases"].as_array().unwrap().iter().map(ToString::to_string).collect()
}

fn reaches(from: &Container, to: &Container) {
    for address in to.addresses() {
        assert!(ping::reaches(from, address, &[0; 16]).unwrap(), "{address}");
    }
}

#[test]
fn nothing_is_lost_while_the_cluster_manager_is_away_and_no_peer_flaps_when_it_returns() {
    let mut cluster = Cluster::plaintext(&[]).unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node_with(name, LOUD).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    reaches(&web, &db);
    let pings = Pings::start(web.netns(), db.v4().into()).unwrap();
    cluster.stop_manager().unwrap();
    ash.stop().unwrap();
    ash.start().unwrap();
    birch.kill().unwrap();
    birch.start().unwrap();
    let api = cluster.attach(&ash, "api").unwrap();
    let cache = cluster.attach(&birch, "cache").unwrap();
    reaches(&api, &cache);
    let shaken = [&ash, &birch].map(handshakes);
    let changes = [&ash, &birch].map(mesh_changes);

    cluster.start_manager().unwrap();
    for node in [&ash, &birch] {
        wait::until("the stream of peers to be back", || connected(node)).unwrap();
    }
    wait::until("both to be seen again", || listed(&cluster).len() == 2).unwrap();
    pings.end_without_loss().unwrap();
    assert_eq!([&ash, &birch].map(mesh_changes), changes);
    for (before, after) in
        shaken.iter().flatten().zip([&ash, &birch].map(handshakes).iter().flatten())
    {
        // The same peers, and no session that begins anew: it would be at zero first.
        assert!(before.0 == after.0 && before.1 > 0 && after.1 >= before.1, "{before:?} {after:?}");
    }
}

#[test]
fn a_cluster_manager_that_lost_its_state_takes_no_peer_away() {
    let mut cluster = Cluster::plaintext(&[]).unwrap();
    let [ash, birch, cedar] =
        ["ash", "birch", "cedar"].map(|name| cluster.add_node_with(name, LOUD).unwrap());
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let api = cluster.attach(&cedar, "api").unwrap();
    reaches(&web, &db);
    reaches(&web, &api);
    let (leased, changes) = (leases(&cluster), [&ash, &birch].map(mesh_changes));
    let pings = [&db, &api].map(|to| Pings::start(web.netns(), to.v4().into()).unwrap());
    cluster.stop_manager().unwrap();
    cluster.host().run(&["rm", "-rf", STATE]).unwrap();
    // One cannot say that it is there; its containers can be reached all the same.
    cedar.stop().unwrap();
    cluster.start_manager().unwrap();
    wait::until("two nodes to be back", || listed(&cluster) == ["ash", "birch"]).unwrap();
    for node in [&ash, &birch] {
        wait::until("peers to be kept", || node.log().contains("are kept for a while")).unwrap();
    }
    reaches(&db, &api);
    cedar.start().unwrap();
    wait::until("all nodes to be back", || listed(&cluster).len() == 3).unwrap();
    for pings in pings {
        pings.end_without_loss().unwrap();
    }
    assert_eq!(leases(&cluster), leased);
    assert_eq!([&ash, &birch].map(mesh_changes), changes);
}

#[test]
fn a_cluster_manager_restored_from_a_backup_takes_no_peer_away() {
    let mut cluster = Cluster::plaintext(&[]).unwrap();
    let ash = cluster.add_node_with("ash", LOUD).unwrap();
    wait::until("ash to be listed", || listed(&cluster).len() == 1).unwrap();
    cluster.stop_manager().unwrap();
    let backup = format!("{STATE}.backup");
    cluster.host().run(&["cp", "-a", STATE, &backup]).unwrap();
    cluster.start_manager().unwrap();
    let birch = cluster.add_node_with("birch", LOUD).unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    reaches(&web, &db);
    let (leased, changes) = (leases(&cluster), [&ash, &birch].map(mesh_changes));
    let pings = Pings::start(web.netns(), db.v4().into()).unwrap();
    cluster.stop_manager().unwrap();
    cluster.host().run(&["rm", "-rf", STATE]).unwrap();
    cluster.host().run(&["mv", &backup, STATE]).unwrap();
    cluster.start_manager().unwrap();
    wait::until("both nodes to be back", || listed(&cluster) == ["ash", "birch"]).unwrap();
    for node in [&ash, &birch] {
        wait::until("the stream of peers to be back", || connected(node)).unwrap();
    }
    pings.end_without_loss().unwrap();
    assert_eq!(leases(&cluster), leased);
    assert_eq!([&ash, &birch].map(mesh_changes), changes);
}
