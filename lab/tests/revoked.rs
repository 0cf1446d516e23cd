//! A node that is revoked while it carries traffic, and what operators do with members.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use serde_json::{Value, json};
use wgcni_lab::flow::Pings;
use wgcni_lab::{Cluster, Container, Node, ping, wait};

fn mesh_key(node: &Node) -> String {
    node.host().run(&["wg", "show", "wgmesh0", "public-key"]).unwrap().trim().to_owned()
}

fn lacks(node: &Node, key: &str) -> bool {
    node.mesh_peers().is_ok_and(|peers| !peers.iter().any(|peer| peer == key))
}

fn reasons(node: &Node) -> String {
    node.status().unwrap()["reasons"].to_string()
}

fn reaches(from: &Container, to: &Container) -> bool {
    to.addresses().iter().all(|address| ping::reaches(from, *address, &[0; 16]).unwrap())
}

/// Flows that a host's kernel keeps track of.
fn flows(node: &Node, address: &str) -> usize {
    let listed = node.host().run(&["conntrack", "-L"]).unwrap();
    listed.lines().filter(|line| line.contains(address)).count()
}

fn member(cluster: &Cluster, name: &str) -> Value {
    let listed = cluster.wgcni(&["node", "list", "--json"], "").unwrap();
    let members: Value = serde_json::from_str(&listed).unwrap();
    let all = members["nodes"].as_array().unwrap();
    all.iter().find(|member| member["name"] == name).cloned().unwrap_or_default()
}

#[test]
fn a_node_that_is_revoked_under_traffic_is_out_everywhere_and_its_address_is_not_reused() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch, cedar] = ["ash", "birch", "cedar"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&cedar, "db").unwrap();
    assert!(reaches(&web, &db) && reaches(&db, &web));
    let pings = Pings::start(web.netns(), db.v4().into()).unwrap();
    wait::until("flows to cedar", || flows(&ash, &db.v4().to_string()) > 0).unwrap();
    let (key, lease) = (mesh_key(&cedar), cedar.addresses().unwrap()[0]);

    let start = Instant::now();
    cluster.wgcni(&["node", "revoke", "cedar"], "").unwrap();
    wait::until("cedar's stream to end", || reasons(&cedar).contains("stream")).unwrap();
    println!("{:?} until the revoked node's stream had ended", start.elapsed());
    wait::until("cedar to be gone", || lacks(&ash, &key) && lacks(&birch, &key)).unwrap();
    println!("{:?} until no node had the revoked one", start.elapsed());
    wait::until("its flows to be gone", || flows(&ash, &db.v4().to_string()) == 0).unwrap();
    assert!(!reaches(&web, &db) && !reaches(&db, &web));
    drop(pings);
    // All nodes have said so.
    let told = cluster.wgcni(&["node", "revoke", "cedar", "--wait"], "").unwrap();
    assert!(told.contains("2/2"), "{told}");
    assert_eq!(member(&cluster, "cedar")["state"], "revoked");

    // The revoked node neither comes back with its keys nor takes the network of its own
    // containers down.
    let back =
        cedar.host().run(&["true"]).and_then(|_| cedar.join(&cluster.ticket("elm").unwrap()));
    assert!(back.is_err());
    let elm = cluster.add_node("elm").unwrap();
    assert_ne!(elm.addresses().unwrap()[0], lease);
    cluster.settle(&[&ash, &birch, &elm]).unwrap();
}

#[test]
fn a_copied_state_directory_is_found_out_at_the_second_renewal() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node("ash").unwrap();
    let member_dir = ash.host().path("/var/lib/wgcni/node-manager/member");
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(&member_dir).unwrap().flatten() {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    ash.stop().unwrap();
    ash.run(&["renew"]).unwrap();
    // The thief has what the node had before.
    for file in std::fs::read_dir(copy.path()).unwrap().flatten() {
        std::fs::copy(file.path(), member_dir.join(file.file_name())).unwrap();
    }
    let refused = ash.run(&["renew"]).unwrap_err().to_string();
    assert!(refused.contains("copy") || refused.contains("refused"), "{refused}");
    assert!(member(&cluster, "ash")["alarm"].as_str().unwrap().contains("second machine"));
    let status = cluster.wgcni(&["status"], "").unwrap();
    assert!(status.contains("ash"), "{status}");
}

#[test]
fn an_operator_logs_in_once_and_administers_from_another_machine() {
    let cluster = Cluster::new().unwrap();
    let desk = cluster.lab().add_host("desk").unwrap();
    let run = |arguments: &[&str], input: &str| cluster.wgcni_on(&desk, arguments, input);
    let refused = run(&["status"], "").unwrap_err().to_string();
    assert!(refused.contains("login"), "{refused}");
    run(&["login", "--name", "ann", "-"], cluster.operator()).unwrap();
    // The ticket was for one operator.
    let other = cluster.lab().add_host("other").unwrap();
    assert!(
        cluster.wgcni_on(&other, &["login", "--name", "bob", "-"], cluster.operator()).is_err()
    );
    let ticket = run(&["ticket", "create", "--name", "ash", "--json"], "").unwrap();
    let ticket: Value = serde_json::from_str(&ticket).unwrap();
    let host = cluster.lab().add_host("ash").unwrap();
    let ash = cluster.prepare_node("ash", host, "").unwrap();
    ash.join(ticket["join"].as_str().unwrap()).unwrap();
    ash.start().unwrap();
    assert_eq!(member(&cluster, "ash")["state"], "active");
    for listing in [
        ["node", "list"].as_slice(),
        &["node", "show", "ash"],
        &["ticket", "list"],
        &["operator", "list"],
        &["audit", "tail"],
        &["status"],
        &["whoami"],
    ] {
        let said = run(listing, "").unwrap();
        assert!(!said.is_empty(), "{listing:?}");
    }
    run(&["audit", "verify"], "").unwrap();
    run(&["node", "remove", "ash"], "").unwrap();
    assert_eq!(member(&cluster, "ash"), Value::Null);
    // A removed operator is out at once.
    cluster.wgcni(&["operator", "remove", "ann"], "").unwrap();
    assert!(run(&["status"], "").is_err());
}

#[test]
fn a_key_on_the_whitelist_joins_and_leaves_with_its_file() {
    let cluster = Cluster::new().unwrap();
    let host = cluster.lab().add_host("ash").unwrap();
    let ash = cluster.prepare_node("ash", host, "").unwrap();
    let key = ash.run(&["init", "--whitelist"]).unwrap();
    let status = cluster.call("wgcni.admin.v1.AdminService/Status", &json!({})).unwrap();
    let join = status["join"].as_str().unwrap();
    assert!(ash.join(join).is_err(), "it is not listed yet");
    cluster.host().write("/etc/wgcni/whitelisted-keys/ash.pub", &key).unwrap();
    wait::until_ok("ash to be let in", || ash.join(join)).unwrap();
    ash.start().unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let file = cluster.host().path("/etc/wgcni/whitelisted-keys/ash.pub");
    std::fs::remove_file(file).unwrap();
    let mesh = mesh_key(&ash);
    wait::until("ash to be out", || lacks(&birch, &mesh)).unwrap();
    assert_eq!(member(&cluster, "ash")["state"], "revoked");
}

#[test]
fn an_installation_script_reads_the_security_key_with_curl_and_the_node_joins() {
    let cluster = Cluster::new().unwrap();
    let token = cluster.wgcni(&["token", "create", "installer", "--json"], "").unwrap();
    let token: Value = serde_json::from_str(&token).unwrap();
    let status = cluster.call("wgcni.admin.v1.AdminService/Status", &json!({})).unwrap();
    let host = cluster.lab().add_host("ash").unwrap();
    // What an installer has: the CA's certificate, and a token in a file of its own.
    let ca = std::fs::read_to_string(cluster.host().path("/var/lib/wgcni/cluster-manager/ca.crt"));
    host.write("/etc/wgcni/ca.crt", &ca.unwrap()).unwrap();
    let bearer = token["bearer"].as_str().unwrap();
    host.write("/etc/wgcni/header", &format!("Authorization: Bearer {bearer}\n")).unwrap();
    let curl = |header: &str, cluster_id: &str| {
        let path = format!("api/v1/one_time_security_key?clustername={cluster_id}");
        let url = format!("https://{}/{path}", cluster.join_api());
        let ca = ["--cacert", "/etc/wgcni/ca.crt"];
        let line = ["curl", "--silent", "--fail-with-body", "--max-time", "10", "--header", header];
        host.run(&[&line[..], &ca, &[&url]].concat())
    };
    let id = status["clusterId"].as_str().unwrap();
    assert!(curl("Authorization: Bearer nobody", id).is_err());
    let answer = curl("@/etc/wgcni/header", id).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let ash = cluster.prepare_node("ash", host, "").unwrap();
    ash.join(answer["join"].as_str().unwrap()).unwrap();
    ash.start().unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
}
