//! Members and their records: a machine that is replaced, a cluster-manager that forgot.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use wgcni_lab::{Cluster, Container, Node, ping, wait};

fn mesh_key(node: &Node) -> String {
    node.host().run(&["wg", "show", "wgmesh0", "public-key"]).unwrap().trim().to_owned()
}

fn reasons(node: &Node) -> String {
    node.status().unwrap()["reasons"].to_string()
}

fn reaches(from: &Container, to: &Container) {
    for address in to.addresses() {
        assert!(ping::reaches(from, address, &[0; 16]).unwrap(), "{address}");
    }
}

#[test]
fn a_member_that_is_replaced_joins_under_its_name_once_the_old_one_is_removed() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let (web, old) = (cluster.attach(&ash, "web").unwrap(), mesh_key(&birch));
    birch.kill().unwrap();
    birch.run(&["cleanup", "--purge"]).unwrap();
    // Two live keys under one name: the ticket alone does not do that.
    assert!(birch.join(&cluster.ticket("birch").unwrap()).is_err());
    cluster.wgcni(&["node", "remove", "birch"], "").unwrap();
    birch.join(&cluster.ticket("birch").unwrap()).unwrap();
    let start = Instant::now();
    birch.start().unwrap();
    let new = mesh_key(&birch);
    assert_ne!(old, new);
    let replaced = || ash.mesh_peers().is_ok_and(|peers| peers == [new.clone()]);
    wait::until("ash to have the new key alone", replaced).unwrap();
    println!("{:?} from the start of the new machine until its peer had its key", start.elapsed());
    let db = cluster.attach(&birch, "db").unwrap();
    reaches(&web, &db);
    reaches(&db, &web);
}

#[test]
fn a_cluster_manager_that_lost_its_members_takes_no_peer_away_and_they_join_anew() {
    let mut cluster = Cluster::new().unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.stop_manager().unwrap();
    // The keys of the CA are where the backup is; the records are not.
    let store = cluster.host().path("/var/lib/wgcni/cluster-manager/store");
    fs::remove_dir_all(store).unwrap();
    cluster.start_manager().unwrap();
    wait::until("ash to say that it is refused", || reasons(&ash).contains("refused")).unwrap();
    reaches(&web, &db);
    ash.stop().unwrap();
    ash.start().unwrap();
    reaches(&db, &web);
    for node in [&ash, &birch] {
        node.stop().unwrap();
        node.join(&cluster.ticket(node.name()).unwrap()).unwrap();
        node.start().unwrap();
    }
    wait::until("ash to be let in", || !reasons(&ash).contains("refused")).unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    reaches(&web, &db);
    reaches(&db, &web);
}

#[test]
fn a_node_that_leaves_joins_again_under_another_name() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let (web, key) = (cluster.attach(&ash, "web").unwrap(), mesh_key(&birch));
    let member = birch.host().path("/var/lib/wgcni/node-manager/member");
    let copy = tempfile::tempdir().unwrap();
    let files = |from: &Path, to: &Path| {
        fs::create_dir_all(to).unwrap();
        fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
        for file in fs::read_dir(from).unwrap().flatten() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    birch.stop().unwrap();
    files(&member, copy.path());
    let configure = |text: &str| birch.host().write("/etc/wgcni/node-manager.toml", text).unwrap();
    // It has its new name in the configuration already.
    configure("node = \"elm\"\n");
    birch.run(&["leave"]).unwrap();
    wait::until("ash to have no peer", || ash.mesh_peers().is_ok_and(|p| p.is_empty())).unwrap();
    let listed = cluster.wgcni(&["nodes"], "").unwrap();
    assert!(listed.contains("ash") && !listed.contains("birch"), "{listed}");
    // Its answer was lost: what it is told then brings it to the same end.
    files(copy.path(), &member);
    let plaintext = "cluster_manager = \"http://192.0.2.1:7400\"\ninsecure_plaintext = true\n";
    configure(plaintext);
    let again = birch.run(&["leave"]).unwrap_err().to_string();
    assert!(again.contains("node-manager cleanup --purge"), "{again}");
    assert!(again.contains("refuses this member's certificate"), "{again}");
    fs::remove_dir_all(&member).unwrap();

    configure("node = \"elm\"\n");
    birch.join(&cluster.ticket("elm").unwrap()).unwrap();
    birch.start().unwrap();
    assert_eq!(mesh_key(&birch), key, "the same machine");
    // And its old name is another machine's.
    let oak = cluster.lab().add_host("oak").unwrap();
    let oak = cluster.start_node_as("birch", oak, "").unwrap();
    cluster.settle(&[&ash, &birch, &oak]).unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    reaches(&web, &db);
    reaches(&db, &web);
}
