//! Nodes that join and leave.
#![allow(clippy::unwrap_used)]

use wgcni_lab::{Cluster, ping, wait};

#[test]
fn a_node_that_joins_is_reached_and_one_that_leaves_is_forgotten() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();

    let cedar = cluster.add_node("cedar").unwrap();
    let db = cluster.attach(&cedar, "db").unwrap();
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
    for address in db.addresses() {
        assert!(ping::reaches(&web, address, &[0; 16]).unwrap(), "{address}");
    }

    let with_cedar = ash.routes().unwrap();
    cedar.stop().unwrap();
    cedar.cleanup().unwrap();
    cluster.deregister("cedar").unwrap();
    for node in [&ash, &birch] {
        wait::until("cedar to be forgotten", || {
            node.mesh_peers().is_ok_and(|peers| peers.len() == 1)
        })
        .unwrap();
    }
    wait::until("cedar's routes to go", || {
        ash.routes().is_ok_and(|routes| routes.len() + 2 == with_cedar.len())
    })
    .unwrap();
    for address in db.addresses() {
        assert!(!ping::reaches(&web, address, &[0; 16]).unwrap(), "{address}");
    }
}

#[test]
fn a_lost_cluster_manager_changes_nothing_and_its_return_is_noticed() {
    let mut cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    cluster.stop_manager().unwrap();
    let api = cluster.attach(&ash, "api").unwrap();
    for container in [&web, &api] {
        for address in db.addresses() {
            assert!(ping::reaches(container, address, &[0; 16]).unwrap(), "{address}");
        }
    }
    cluster.start_manager().unwrap();
    let cedar = cluster.add_node("cedar").unwrap();
    cluster.settle(&[&ash, &birch, &cedar]).unwrap();
}
