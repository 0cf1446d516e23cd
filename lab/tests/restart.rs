//! Daemons that end and start again under traffic.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wgcni_lab::flow::Traffic;
use wgcni_lab::{Cluster, Node, clean, ping, programs, wait};

fn two_nodes(cluster: &Cluster) -> (Node, Node) {
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    (ash, birch)
}

/// Runs acts on nodes under pings in both families and a TCP stream from one container to
/// another, on the first and the second node.
fn under_traffic(acts: impl FnOnce(&Node, &Node)) {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = two_nodes(&cluster);
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    for address in db.addresses() {
        wait::until("a first answer", || ping::reaches(&web, address, &[0; 16]).unwrap()).unwrap();
    }
    let traffic = Traffic::start(web.netns(), db.netns(), db.addresses()).unwrap();
    sleep(Duration::from_secs(1));
    acts(&ash, &birch);
    sleep(Duration::from_secs(1));
    traffic.end_without_loss().unwrap();
    web.check().unwrap();
    db.check().unwrap();
}

#[test]
fn no_packet_is_lost_while_node_managers_restart() {
    under_traffic(|ash, birch| {
        for node in [ash, birch] {
            node.stop().unwrap();
            sleep(Duration::from_millis(500));
            node.start().unwrap();
        }
        ash.kill().unwrap();
        sleep(Duration::from_millis(500));
        ash.start().unwrap();
    });
}

#[test]
fn no_packet_is_lost_while_a_node_manager_is_upgraded() {
    under_traffic(|ash, _| {
        let (inside, new) = ("/etc/wgcni/bin/node-manager", "/etc/wgcni/bin/node-manager.new");
        fs::create_dir(ash.host().path("/etc/wgcni/bin")).unwrap();
        let put = |to: &str| {
            let program = programs::find("node-manager").unwrap();
            fs::copy(program, ash.host().path(to)).unwrap();
        };
        put(inside);
        ash.stop().unwrap();
        ash.start_from(Path::new(inside)).unwrap();
        // As package managers do: another file takes the place of the one that runs.
        put(new);
        fs::rename(ash.host().path(new), ash.host().path(inside)).unwrap();
        ash.stop().unwrap();
        ash.start_from(Path::new(inside)).unwrap();
    });
}

#[test]
fn a_daemon_whose_file_was_replaced_still_starts_its_tunnels() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node("ash").unwrap();
    let inside = "/etc/wgcni/node-manager";
    let file = ash.host().path(inside);
    fs::copy(programs::find("node-manager").unwrap(), &file).unwrap();
    ash.stop().unwrap();
    ash.start_from(Path::new(inside)).unwrap();
    fs::remove_file(file).unwrap();
    let inside = BTreeSet::from([ash.host().netns().inode().unwrap()]);
    let tunnels = clean::processes_in(&inside).into_iter().find(|id| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("tunnels\0--own-session")
    });
    kill(Pid::from_raw(tunnels.unwrap()), Signal::SIGKILL).unwrap();
    let is_back = || ash.log().matches("tunnels started").count() == 2 && ash.mesh_peers().is_ok();
    wait::until("tunnels to run again", is_back).unwrap();
    cluster.attach(&ash, "web").unwrap();
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
