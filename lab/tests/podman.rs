//! podman with its CNI backend: real images, conmon and runc.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, SocketAddr};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wgcni_lab::runtime::{Podman, as_before, traces};
use wgcni_lab::{Cluster, Host, Node, probe, wait};

/// What goes goes at once, not when node-manager looks again.
const NO_RESYNC: &str = "resync_seconds = 3600";

const SLEEP: [&str; 2] = ["sleep", "600"];
const SERVE: [&str; 5] = ["httpd", "-f", "-p", "80", "-h"];

fn remove(podman: &Podman, name: &str) {
    podman.podman(&["rm", "--force", "--time", "0", name]).unwrap();
}

/// Ends a process of a container at once.
fn end(podman: &Podman, name: &str, process: &str) {
    let id = podman.inspect(name, process).unwrap().parse().unwrap();
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
}

/// Whether a host reaches what a node publishes, over both families.
fn reaches_published(from: &Host, node: &Node) {
    for address in [IpAddr::from(node.host().v4()), node.host().v6().into()] {
        let published = SocketAddr::new(address, 8080);
        let answer = wait::until_ok("the published port", || {
            probe::get(from.netns(), published, "/nothing")
        });
        assert!(answer.unwrap().contains("404"), "{published}");
    }
}

#[test]
fn podman_run_attaches_a_container_and_rm_detaches_it() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    podman.run_detached("box", &[], &SLEEP).unwrap();
    let said = podman.exec("box", &["ip", "address", "show", "eth0"]).unwrap();
    assert!(said.contains("/32 scope global eth0") && said.contains("/128 scope global"), "{said}");
    remove(&podman, "box");
    as_before(&node, &before).unwrap();
}

#[test]
fn a_container_that_ends_is_detached_by_its_conmon() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    podman.run_detached("box", &[], &SLEEP).unwrap();
    for _ in 0..2 {
        assert_eq!(node.hub_peers().unwrap().len(), 1);
        end(&podman, "box", ".State.Pid");
        as_before(&node, &before).unwrap();
        podman.podman(&["start", "box"]).unwrap();
    }
}

#[test]
fn a_container_that_podman_restarts_is_attached_again() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    podman.run_detached("box", &["--cap-add", "NET_RAW"], &SLEEP).unwrap();
    podman.podman(&["restart", "--time", "0", "box"]).unwrap();
    let addresses = podman.addresses("box").unwrap();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    assert_eq!(node.hub_peers().unwrap().len(), 1);
    for node_address in node.addresses().unwrap() {
        let ping = ["ping", "-c", "1", "-W", "3", &node_address.to_string()];
        podman.exec("box", &ping).unwrap();
    }
    remove(&podman, "box");
    as_before(&node, &before).unwrap();
}

#[test]
fn podman_says_that_node_manager_is_down_and_nothing_is_left() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    node.stop().unwrap();
    let refusal = podman.run_detached("box", &[], &SLEEP).unwrap_err().to_string();
    assert!(refusal.contains("node-manager"), "{refusal}");
    remove(&podman, "box");
    node.start().unwrap();
    as_before(&node, &before).unwrap();
    podman.run_detached("box", &[], &SLEEP).unwrap();
}

#[test]
fn a_container_gets_the_address_that_podman_asks_for_while_it_is_free() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let wish = ["--ip", "10.64.0.77"];
    podman.run_detached("first", &wish, &SLEEP).unwrap();
    assert_eq!(podman.addresses("first").unwrap()[0].to_string(), wish[1]);
    let before = traces(&node).unwrap();
    let refusal = podman.run_detached("second", &wish, &SLEEP).unwrap_err().to_string();
    assert!(refusal.contains(wish[1]), "{refusal}");
    remove(&podman, "second");
    as_before(&node, &before).unwrap();
}

#[test]
fn a_network_reload_keeps_addresses_and_published_ports() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let other = cluster.add_node("birch").unwrap();
    cluster.settle(&[&node, &other]).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let published = ["--network", "published", "--publish", "8080:80"];
    let serve = [&SERVE[..], &["/"]].concat();
    // portmap's own chains stay once they are there.
    podman.run_detached("first", &published, &serve).unwrap();
    remove(&podman, "first");
    let before = traces(&node).unwrap();
    podman.run_detached("box", &published, &serve).unwrap();
    let addresses = podman.addresses("box").unwrap();
    reaches_published(other.host(), &node);
    podman.run_detached("plain", &[], &SLEEP).unwrap();
    let plain = podman.addresses("plain").unwrap();
    podman.podman(&["network", "reload", "--all"]).unwrap();
    assert_eq!(podman.addresses("box").unwrap(), addresses);
    assert_eq!(podman.addresses("plain").unwrap(), plain);
    reaches_published(other.host(), &node);
    for name in ["box", "plain"] {
        remove(&podman, name);
    }
    as_before(&node, &before).unwrap();
}

#[test]
fn a_container_without_its_conmon_is_detached_by_rm() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let podman = Podman::new(&cluster, &node).unwrap();
    let before = traces(&node).unwrap();
    podman.run_detached("box", &[], &SLEEP).unwrap();
    end(&podman, "box", ".State.ConmonPid");
    remove(&podman, "box");
    as_before(&node, &before).unwrap();
}
