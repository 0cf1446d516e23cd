//! Daemons that end and start again under traffic.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use wgcni_lab::{Cluster, Container, Node, ping};

/// Starts 100 pings a second for a while.
fn pinging(from: &Container, to: &Container, seconds: u32) -> std::process::Child {
    let count = (seconds * 100).to_string();
    let mut ping: Command = from.command("ping").unwrap();
    ping.args(["-n", "-q", "-i", "0.01", "-c", &count, &to.v4().to_string()]);
    ping.stdout(Stdio::piped()).spawn().unwrap()
}

/// `N packets transmitted, M received` → lost packets.
fn lost(ping: std::process::Child) -> i64 {
    let output = ping.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains("packets transmitted")).unwrap();
    let mut numbers = line.split(' ').filter_map(|word| word.parse::<i64>().ok());
    numbers.next().unwrap() - numbers.next().unwrap()
}

fn two_nodes(cluster: &Cluster) -> (Node, Node) {
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    (ash, birch)
}

#[test]
fn no_packet_is_lost_while_node_managers_restart() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = two_nodes(&cluster);
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    assert!(ping::reaches(&web, db.v4().into(), &[0; 16]).unwrap());
    let pings = pinging(&web, &db, 8);
    for node in [&ash, &birch] {
        sleep(Duration::from_millis(500));
        node.stop().unwrap();
        sleep(Duration::from_millis(500));
        node.start().unwrap();
    }
    ash.kill().unwrap();
    ash.start().unwrap();
    assert_eq!(lost(pings), 0);
    web.check().unwrap();
    db.check().unwrap();
}

#[test]
fn a_node_that_starts_without_a_cluster_manager_still_serves() {
    let mut cluster = Cluster::new().unwrap();
    let (ash, birch) = two_nodes(&cluster);
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.stop_manager().unwrap();
    ash.stop().unwrap();
    ash.start().unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    for address in db.addresses() {
        assert!(ping::reaches(&web, address, &[0; 16]).unwrap(), "{address}");
    }
}

#[test]
fn a_killed_cluster_manager_comes_back_with_the_same_leases() {
    let mut cluster = Cluster::new().unwrap();
    let (ash, birch) = two_nodes(&cluster);
    let before = (ash.addresses().unwrap(), birch.addresses().unwrap());
    cluster.kill_manager().unwrap();
    cluster.start_manager().unwrap();
    for node in [&ash, &birch] {
        node.stop().unwrap();
        node.start().unwrap();
    }
    assert_eq!((ash.addresses().unwrap(), birch.addresses().unwrap()), before);
    cluster.settle(&[&ash, &birch]).unwrap();
}
