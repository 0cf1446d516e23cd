//! Disks that are full, read-only or damaged: a daemon says so and names the file, or has
//! everything that was acknowledged; and it works on when the disk does.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use serde_json::json;
use wgcni_lab::cni::PluginError;
use wgcni_lab::{Cluster, Host, Node, ping, wait};

/// State directories of both daemons lie on this file system of the host's own.
const DISK: &str = "/var/lib/wgcni";
const FILLER: &str = "/var/lib/wgcni/filler";

/// Leaves no room on the host's disk.
fn fill(host: &Host) {
    host.run(&["mount", "-o", "remount,size=6m", DISK]).unwrap();
    let filled = host.run(&["dd", "if=/dev/zero", &format!("of={FILLER}"), "bs=4k", "status=none"]);
    filled.unwrap_err();
}

fn empty(host: &Host) {
    host.run(&["rm", FILLER]).unwrap();
}

/// What the node-manager says when it does not start.
fn refusal(node: &Node) -> String {
    format!("{:#}", node.start().expect_err("it starts"))
}

fn addresses(node: &Node) -> Vec<String> {
    let mut all: Vec<String> =
        node.hub_peers().unwrap().into_iter().flat_map(|(_, list)| list).collect();
    all.sort();
    all
}

#[test]
fn a_node_whose_disk_is_full_keeps_what_it_acknowledged_and_works_on_later() {
    let cluster = Cluster::plaintext(&[]).unwrap();
    let node = cluster.add_node_with("ash", "quarantine_seconds = 0").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let db = cluster.attach(&node, "db").unwrap();
    let before = addresses(&node);
    fill(node.host());
    let mut number = 0;
    let refusal = loop {
        match cluster.attach(&node, &format!("c{number}")) {
            Ok(container) => container.detach().unwrap_or(()),
            Err(error) => break error,
        }
        number += 1;
        assert!(number < 1000, "the disk is never full");
    };
    let code = refusal.downcast_ref::<PluginError>().map(|error| error.code);
    assert_eq!(code, Some(11), "the runtime should try again: {refusal:#}");
    wait::until("node-manager to end", || node.is_down()).unwrap();
    assert!(node.log().contains("No space left on device"), "{}", node.log());
    // The network does not care.
    assert!(ping::reaches(&web, db.v4().into(), &[0; 16]).unwrap());
    empty(node.host());
    node.start().unwrap();
    web.check().unwrap();
    db.check().unwrap();
    let late = cluster.attach(&node, "late").unwrap();
    assert!(ping::reaches(&late, db.v4().into(), &[0; 16]).unwrap());
    late.detach().unwrap();
    wait::until("only the two to be left", || addresses(&node) == before).unwrap();
}

#[test]
fn a_cluster_whose_disk_is_full_gives_no_lease_twice_and_works_on_later() {
    let mut cluster = Cluster::plaintext(&[]).unwrap();
    let mut given = Vec::new();
    let lease = |cluster: &Cluster, number: usize| {
        let request = json!({ "node": format!("node-{number}") });
        let answer = cluster.call("wgcni.ipam.v1.IpamService/Allocate", &request)?;
        anyhow::Ok(answer["lease"].to_string())
    };
    given.push(lease(&cluster, 0).unwrap());
    fill(cluster.host());
    let refusal = loop {
        match lease(&cluster, given.len()) {
            Ok(lease) => given.push(lease),
            Err(error) => break format!("{error:#}"),
        }
        assert!(given.len() < 10_000, "the disk is never full");
    };
    assert!(refusal.contains("No space left on device"), "{refusal}");
    wait::until("cluster-manager to end", || cluster.manager_is_down()).unwrap();
    empty(cluster.host());
    cluster.kill_manager().unwrap();
    cluster.start_manager().unwrap();
    for (number, before) in given.iter().enumerate() {
        assert_eq!(&lease(&cluster, number).unwrap(), before);
    }
    let next = lease(&cluster, given.len()).unwrap();
    assert!(!given.contains(&next), "{next} is given twice");
}

#[test]
fn a_read_only_state_directory_is_refused_by_name() {
    let mut cluster = Cluster::plaintext(&[]).unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let remount = |host: &Host, how: &str| {
        host.run(&["mount", "-o", &format!("remount,{how}"), DISK]).map(drop)
    };
    node.stop().unwrap();
    cluster.stop_manager().unwrap();
    // The log of the tunnels process stays open: only a mount of its own can be read-only.
    node.host().run(&["mount", "--bind", DISK, DISK]).unwrap();
    remount(node.host(), "ro,bind").unwrap();
    remount(cluster.host(), "ro").unwrap();
    let said = refusal(&node);
    assert!(said.contains("Read-only file system") && said.contains("node-manager/lock"), "{said}");
    let said = format!("{:#}", cluster.start_manager().expect_err("it starts"));
    assert!(said.contains("Read-only file system") && said.contains("store/lock"), "{said}");
    node.host().run(&["umount", DISK]).unwrap();
    remount(cluster.host(), "rw").unwrap();
    cluster.start_manager().unwrap();
    node.start().unwrap();
    web.check().unwrap();
}

/// Changes one byte in the middle.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn a_damaged_file_of_a_node_is_refused_by_name_and_its_containers_stay() {
    let cluster = Cluster::plaintext(&[]).unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let db = cluster.attach(&node, "db").unwrap();
    node.stop().unwrap();
    let state = node.host().path("/var/lib/wgcni/node-manager");
    let files = ["mesh.key", "hub.key", "mesh.pub", "lease.json", "peers.json", "attachments/mark"];
    for file in files {
        let path = state.join(file);
        let whole = fs::read(&path).unwrap();
        for damage in [flip, cut] {
            damage(&path);
            let said = refusal(&node);
            assert!(said.contains(file.trim_start_matches("attachments/")), "{file}: {said}");
            fs::write(&path, &whole).unwrap();
        }
    }
    assert!(ping::reaches(&web, db.v4().into(), &[0; 16]).unwrap());
    node.start().unwrap();
    web.check().unwrap();
    db.check().unwrap();
}

/// The node serves; what it cannot put back at cleanup, it says.
#[test]
fn damaged_former_settings_are_told_and_not_overwritten() {
    let cluster = Cluster::plaintext(&[]).unwrap();
    let node = cluster.add_node("ash").unwrap();
    node.stop().unwrap();
    let path = node.host().path("/var/lib/wgcni/node-manager/sysctls.json");
    let whole = fs::read(&path).unwrap();
    flip(&path);
    let damaged = fs::read(&path).unwrap();
    let said = format!("{:#}", node.cleanup().expect_err("it is cleaned up"));
    assert!(said.contains("sysctls.json"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), damaged);
    fs::write(&path, whole).unwrap();
    node.cleanup().unwrap();
}
