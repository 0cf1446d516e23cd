//! What operators see of a network is what the network does.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use wgcni_lab::flow::Pings;
use wgcni_lab::host::Host;
use wgcni_lab::{Cluster, Container, Node, ping, wait};

/// Silence is noticed soon: longer than WireGuard waits until it tries again (5 s).
const IMPATIENT: &str = "resync_seconds = 1\nsilent_seconds = 8";

fn see(cluster: &Cluster, host: &Host, line: &str) -> Value {
    let words: Vec<_> = line.split(' ').chain(["--json"]).collect();
    serde_json::from_str(&cluster.wgcni_on(host, &words, "").unwrap()).unwrap()
}

/// What went wrong, as a person reads it.
fn refused(cluster: &Cluster, host: &Host, line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    cluster.wgcni_on(host, &words, "").unwrap_err().to_string()
}

fn of<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|item| item[key] == name).unwrap_or(&Value::Null)
}

/// Waits for what nodes tell: they do so every 35 s at the latest.
fn told(what: &str, mut holds: impl FnMut() -> bool) {
    wait::until(what, &mut holds).or_else(|_| wait::until(what, &mut holds)).unwrap();
}

fn graph(cluster: &Cluster) -> String {
    cluster.wgcni(&["graph"], "").unwrap()
}

fn edge(graph: &str, from: &str, to: &str) -> String {
    let edge = format!("\"node:{from}\" -> \"node:{to}\"");
    graph.lines().find(|line| line.contains(&edge)).unwrap_or_default().to_owned()
}

#[test]
fn commands_show_attachments_peers_and_bytes_as_they_are() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch, cedar] = ["ash", "birch", "cedar"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let api = cluster.attach(&ash, "api").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let look = |line| see(&cluster, ash.host(), line);

    // The containers, as the runtime made them.
    let listed = look("attachments");
    assert_eq!(listed["trouble"], Value::Null);
    assert_eq!(listed["attachments"].as_array().map(Vec::len), Some(2));
    for container in [&web, &api] {
        let key = container.public_key().unwrap();
        let seen = of(&listed["attachments"], "public_key", &key);
        assert_eq!(seen["addresses"], json!(container.addresses()));
        assert_eq!(seen["namespace"], json!(container.netns().path()));
        assert_eq!((&seen["network"], &seen["ifname"]), (&json!("wgnet"), &json!("eth0")));
    }
    let peers = look("peers");
    assert_eq!(peers["node"], "ash");
    let names: Vec<_> = peers["peers"].as_array().unwrap().iter().map(|p| &p["node"]).collect();
    assert_eq!(names, ["birch", "cedar"]);
    for node in [&birch, &cedar] {
        let seen = of(&peers["peers"], "node", node.name());
        assert_eq!(seen["endpoints"], json!([format!("{}:51820", node.host().v4())]));
    }

    wait::until("a first answer", || ping::reaches(&web, db.v4().into(), &[0; 16]).unwrap())
        .unwrap();
    counts(&cluster, &web, &db);
    let pings = Pings::start(web.netns(), db.v4().into()).unwrap();
    let top = look("top --once");
    let rate = of(&top["rows"], "name", "birch");
    assert!(rate["received_per_second"].as_u64().unwrap() > 0, "{top}");
    drop(pings);
    cluster_sees(&cluster, [&ash, &birch, &cedar]);
}

/// What a ping sends and gets is counted, on both ends of both hops.
fn counts(cluster: &Cluster, web: &Container, db: &Container) {
    let look = |line| see(cluster, web.node().host(), line);
    let key = web.public_key().unwrap();
    let bytes = || {
        let (attachments, peers) = (look("attachments"), look("peers"));
        let attachment = of(&attachments["attachments"], "public_key", &key).clone();
        let peer = of(&peers["peers"], "node", "birch").clone();
        [attachment, peer].map(|seen| {
            assert!(seen["handshake_age_seconds"].as_u64().unwrap() < 120, "{seen}");
            ["received_bytes", "sent_bytes"].map(|key| seen[key].as_u64().unwrap())
        })
    };
    let before = bytes();
    web.exec(&["ping", "-q", "-c", "20", "-i", "0.05", "-s", "1000", &db.v4().to_string()])
        .unwrap();
    let after = bytes();
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        let passed = after - before;
        assert!((20_000..40_000).contains(&passed), "{before:?} {after:?}");
    }
}

/// The cluster-manager is told the same.
fn cluster_sees(cluster: &Cluster, [ash, birch, cedar]: [&Node; 3]) {
    let up = |nodes: &Value, name: &str, attachments: u64, up: u64| {
        let node = of(&nodes["nodes"], "name", name);
        let seen = [&node["attachments"], &node["peers_up"], &node["peers"]];
        seen == [&json!(attachments), &json!(up), &json!(2)] && node["alive"] == true
    };
    told("all nodes to have told", || {
        let nodes = see(cluster, cluster.host(), "nodes");
        up(&nodes, "ash", 2, 1) && up(&nodes, "birch", 1, 1) && up(&nodes, "cedar", 0, 0)
    });
    let links = see(cluster, cluster.host(), "peers --all");
    let links = links["links"].as_array().unwrap();
    let pairs: Vec<_> = links.iter().map(|link| (&link["from"], &link["to"])).collect();
    let [one, two] = [json!("ash"), json!("birch")];
    assert_eq!(pairs, [(&one, &two), (&two, &one)]);
    assert!(
        links.iter().all(|link| link["handshake_age_seconds"].as_u64() < Some(180)),
        "{links:?}"
    );
    let drawn = graph(cluster);
    assert!(edge(&drawn, "ash", "birch").contains("#2e7d32"), "{drawn}");
    assert!(edge(&drawn, "ash", "cedar").contains("#9e9e9e"), "{drawn}");
    assert!(drawn.contains("\"node:ash\" [label=\"ash\\n2 attachments\""), "{drawn}");
    let svg = cluster.wgcni(&["graph", "--format", "svg"], "").unwrap();
    assert!(svg.contains("<svg") && svg.contains(">birch<"), "{svg}");
    // A node is no operator's desk: it shows itself.
    for node in [ash, birch, cedar] {
        let status = see(cluster, node.host(), "status");
        assert_eq!(status["node"]["name"], node.name());
        assert_eq!((&status["cluster_id"], &status["alarms"]), (&Value::Null, &json!([])));
    }
}

#[test]
fn a_link_that_is_deaf_in_one_direction_is_told_by_the_end_that_hears_nothing() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch, cedar] =
        ["ash", "birch", "cedar"].map(|name| cluster.add_node_with(name, IMPATIENT).unwrap());
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let reached = || ping::reaches(&db, web.v4().into(), &[0; 16]).unwrap();
    wait::until("a first answer", reached).unwrap();
    told("a link in green", || edge(&graph(&cluster), "ash", "birch").contains("#2e7d32"));
    let pings = Pings::start(db.netns(), web.v4().into()).unwrap();
    // What ash sends does not arrive at birch; what birch sends does at ash.
    let from = ash.host().v4().to_string();
    let block = |verb| {
        let rule = ["-s", &from, "-p", "udp", "-j", "DROP"];
        let line = [&["iptables", verb, "INPUT"][..], &rule[..]].concat();
        birch.host().run(&line).unwrap();
    };
    block("-I");
    let silent = |node: &Node, of_whom: &str| {
        let peers = see(&cluster, node.host(), "peers");
        of(&peers["peers"], "node", of_whom)["silent_seconds"].is_u64()
    };
    wait::until("birch to find ash silent", || silent(&birch, "ash")).unwrap();
    assert!(!silent(&ash, "birch") && !silent(&cedar, "birch"));
    told("the graph to show it", || {
        let arrow = edge(&graph(&cluster), "ash", "birch");
        arrow.contains("birch hears nothing of ash") && arrow.contains("dir=forward")
    });
    let status = cluster.wgcni(&["status"], "").unwrap();
    assert!(status.starts_with("ALARM: node birch: degraded: silent: ash"), "{status}");
    let nodes = see(&cluster, cluster.host(), "nodes");
    assert_eq!(of(&nodes["nodes"], "name", "birch")["wrong"], json!(["degraded: silent: ash"]));
    assert_eq!(of(&nodes["nodes"], "name", "ash")["wrong"], json!([]));
    block("-D");
    told("the link to be whole again", || {
        edge(&graph(&cluster), "ash", "birch").contains("#2e7d32")
    });
    drop(pings);
}

#[test]
fn what_is_away_is_named_with_what_to_do_and_the_rest_is_shown() {
    let mut cluster = Cluster::new().unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let _web = cluster.attach(&ash, "web").unwrap();
    cluster.stop_manager().unwrap();
    assert_eq!(
        see(&cluster, ash.host(), "attachments")["attachments"].as_array().unwrap().len(),
        1
    );
    assert_eq!(see(&cluster, ash.host(), "peers")["peers"].as_array().unwrap().len(), 1);
    wait::until("ash to notice", || {
        let status = cluster.wgcni_on(ash.host(), &["status"], "").unwrap();
        status.starts_with("ALARM: this node, ash: degraded: ")
            && status.contains("no stream of peers")
    })
    .unwrap();
    for line in ["status", "nodes", "peers --all", "graph"] {
        let said = refused(&cluster, cluster.host(), line);
        assert!(said.contains("log") || said.contains("is it running"), "{line}: {said}");
    }
    ash.stop().unwrap();
    for line in ["attachments", "peers", "top --once", "graph", "status"] {
        let said = refused(&cluster, ash.host(), line);
        assert!(said.contains("systemctl start node-manager"), "{line}: {said}");
    }
    cluster.start_manager().unwrap();
    ash.start().unwrap();
    told("both to have told again", || {
        let nodes = see(&cluster, cluster.host(), "nodes");
        ["ash", "birch"]
            .iter()
            .all(|name| of(&nodes["nodes"], "name", name)["attachments"].is_u64())
    });
    // Who leaves is forgotten.
    cluster.remove("birch").unwrap();
    let nodes = see(&cluster, cluster.host(), "nodes");
    assert_eq!(of(&nodes["nodes"], "name", "birch"), &Value::Null);
    assert!(!graph(&cluster).contains("birch"));
}
