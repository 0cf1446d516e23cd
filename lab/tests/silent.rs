//! A tunnel that sends and hears nothing.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use serde_json::Value;
use wgcni_lab::flow::Pings;
use wgcni_lab::{Cluster, Node, ping, wait};

fn silent(node: &Node) -> Vec<Value> {
    node.status().unwrap()["silentPeers"].as_array().cloned().unwrap_or_default()
}

fn told(node: &Node, what: &str) -> usize {
    node.log().lines().filter(|line| line.contains(what) && line.contains("node=birch")).count()
}

fn port(node: &Node, verb: &str) {
    for chain in ["INPUT", "OUTPUT"] {
        let rule = ["-p", "udp", "-m", "udp", "--dport", "51820", "-j", "DROP"];
        let line = [&["iptables", verb, chain][..], &rule[..]].concat();
        node.host().run(&line).unwrap();
    }
}

#[test]
fn a_silent_node_is_told_repaired_in_stages_and_told_when_it_is_heard() {
    let cluster = Cluster::new().unwrap();
    // Longer than WireGuard waits until it tries a handshake again (5 s).
    let ash = cluster.add_node_with("ash", "resync_seconds = 1\nsilent_seconds = 8").unwrap();
    let (birch, cedar) = (cluster.add_node("birch").unwrap(), cluster.add_node("cedar").unwrap());
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let reached = || ping::reaches(&web, db.v4().into(), &[0; 16]).unwrap();
    wait::until("a first answer", reached).unwrap();
    let _pings = Pings::start(web.netns(), db.v4().into()).unwrap();

    // Nothing gets through.
    port(&birch, "-I");
    let stage = |stage: &str| silent(&ash).iter().any(|peer| peer["stage"] == stage);
    wait::until("the first stage", || stage("REPAIR_STAGE_ENDPOINT")).unwrap();
    wait::until("the second stage", || stage("REPAIR_STAGE_PEER")).unwrap();
    let peers = silent(&ash);
    // Cedar is as quiet, but nothing is sent to it.
    assert_eq!(peers.len(), 1, "{peers:?}");
    assert_eq!(peers[0]["node"], "birch");
    assert_eq!(peers[0]["endpoint"], format!("{}:51820", birch.host().v4()));
    wait::until("its metrics to tell", || {
        let page = ash.metrics().unwrap();
        let silent = |node: &str| page.value("wgcni_node_peer_silent", &[node]).unwrap();
        let all = page.value("wgcni_node_silent_peers", &[]).unwrap();
        (all, silent("node=\"birch\""), silent("node=\"cedar\"")) == (1.0, 1.0, 0.0)
    })
    .unwrap();
    let status = ash.status().unwrap();
    assert_eq!(status["ready"], true);
    assert!(status["reasons"].to_string().contains("degraded: silent: birch"), "{status}");
    assert_eq!((told(&ash, " silent: it"), told(&ash, "still silent")), (1, 1));
    port(&birch, "-D");
    wait::until("it to be heard", || silent(&ash).is_empty()).unwrap();
    assert_eq!(told(&ash, "heard again"), 1);
    wait::until("packets to pass", reached).unwrap();

    // Somebody sets a wrong endpoint: the announced one is set again.
    let key = birch.host().run(&["wg", "show", "wgmesh0", "public-key"]).unwrap();
    let key = key.trim();
    ash.host().run(&["wg", "set", "wgmesh0", "peer", key, "endpoint", "192.0.2.99:9"]).unwrap();
    let announced = format!("{key}\t{}:51820", birch.host().v4());
    wait::until("the announced endpoint to be set again", || {
        let endpoints = ash.host().run(&["wg", "show", "wgmesh0", "endpoints"]).unwrap();
        endpoints.contains(&announced) && reached() && silent(&ash).is_empty()
    })
    .unwrap();
    assert!(!ash.log().contains("node=cedar"), "{}", ash.log());
}
