//! containerd: `ctr run --cni` with real images, shims and runc.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use wgcni_lab::runtime::{Containerd, as_before, cgroup, traces};
use wgcni_lab::{Cluster, Container};

/// What goes goes at once, not when node-manager looks again.
const NO_RESYNC: &str = "resync_seconds = 3600";

#[test]
fn ctr_run_attaches_a_container_and_its_end_detaches_it() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let containerd = Containerd::start(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    let said = containerd.run("box", &["ip", "address", "show", "eth0"]).unwrap();
    assert!(said.contains("/32 scope global eth0") && said.contains("/128 scope global"), "{said}");
    as_before(&node, &before).unwrap();
    assert_eq!(containerd.containers().unwrap(), [""; 0]);
}

#[test]
fn containers_of_two_containerds_talk() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let here = Containerd::start(&cluster, &ash).unwrap();
    let there = Containerd::start(&cluster, &birch).unwrap();
    here.run_detached("web").unwrap();
    there.run_detached("db").unwrap();
    for (from, id, to) in
        [(&here, "web", there.addresses("db")), (&there, "db", here.addresses("web"))]
    {
        let to = to.unwrap();
        assert_eq!(to.len(), 2, "{to:?}");
        for address in to {
            from.exec(id, &["ping", "-c", "2", "-W", "3", &address.to_string()]).unwrap();
        }
    }
}

/// ctr 1.6 keeps a container whose ADD failed, created and not started.
fn forget_unstarted(containerd: &Containerd, id: &str) {
    let link = containerd.addresses(id).unwrap_err().to_string();
    assert!(link.contains("eth0"), "{link}");
    containerd.kill(id).unwrap();
}

#[test]
fn ctr_says_why_a_full_node_takes_no_container_and_nothing_is_left() {
    let cluster = Cluster::with(&[("WGCNI_LEASE_LENGTH_V4", "29")]).unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let containerd = Containerd::start(&cluster, &node).unwrap();
    let attach = |n| cluster.attach(&node, &format!("c{n}"));
    let full: Vec<Container> = (0..8).map_while(|n| attach(n).ok()).collect();
    assert!(full.len() < 8, "a /29 holds more than it can");
    let before = traces(&node).unwrap();
    let refusal = containerd.run("box", &["ip", "link"]).unwrap_err().to_string();
    assert!(refusal.contains("no free IPv4 address"), "{refusal}");
    forget_unstarted(&containerd, "box");
    as_before(&node, &before).unwrap();
    for container in &full {
        container.check().unwrap();
    }
}

#[test]
fn ctr_says_that_node_manager_is_down_and_nothing_is_left() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let containerd = Containerd::start(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    node.stop().unwrap();
    let refusal = containerd.run("box", &["ip", "link"]).unwrap_err().to_string();
    assert!(refusal.contains("node-manager"), "{refusal}");
    forget_unstarted(&containerd, "box");
    node.start().unwrap();
    as_before(&node, &before).unwrap();
    containerd.run("box", &["ip", "link"]).unwrap();
}

#[test]
fn a_lab_that_is_taken_down_ends_what_its_containerd_started() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let run = cluster.lab().run().clone();
    let containerd = Containerd::start(&cluster, &node).unwrap();
    containerd.run_detached("box").unwrap();
    let (_, process) = containerd.tasks().unwrap().remove(0);
    assert!(!cgroup::groups_of(&run).is_empty());
    cluster.lab().take_down().unwrap();
    // One that has ended and waits for its parent has no namespace any more.
    assert!(fs::read_link(format!("/proc/{process}/ns/net")).is_err());
    assert_eq!(cgroup::groups_of(&run), [] as [PathBuf; 0]);
}

#[test]
fn a_container_that_ctr_killed_without_del_is_reclaimed_and_a_living_one_stays() {
    let cluster = Cluster::new().unwrap();
    let config = "resync_seconds = 3600\nreclaim_after_seconds = 2";
    let node = cluster.add_node_with("ash", config).unwrap();
    let containerd = Containerd::start(&cluster, &node).unwrap();
    containerd.run_detached("lives").unwrap();
    let before = traces(&node).unwrap();
    containerd.run_detached("dies").unwrap();
    assert_eq!(node.hub_peers().unwrap().len(), 2);
    containerd.kill("dies").unwrap();
    as_before(&node, &before).unwrap();
    let gateway = node.addresses().unwrap()[0].to_string();
    containerd.exec("lives", &["ping", "-c", "1", "-W", "3", &gateway]).unwrap();
}
