//! `deploy/vagrant/provision.sh`, which makes machines of `vagrant up` a cluster, as it is:
//! on hosts of a lab, where no systemd runs.
#![allow(clippy::unwrap_used)]

use wgcni_lab::Lab;
use wgcni_lab::provision::{PROGRAMS, Provisioned};

#[test]
fn three_machines_become_a_cluster_and_every_step_may_be_repeated() {
    let lab = Lab::new().unwrap();
    let hosts = ["server", "ash", "birch"].map(|name| lab.add_host(name).unwrap());
    let [server, ash, birch] = hosts.each_ref().map(|host| Provisioned::new(&lab, host).unwrap());
    server.step("server").unwrap();
    for node in [&ash, &birch] {
        node.join(&server).unwrap();
    }
    let table = ash.step("reach").unwrap();
    // Two nodes and two boxes, by both families.
    assert_eq!(table.matches(" reached").count(), 8, "{table}");
    assert!(table.contains("from the box on ash") && !table.contains("NOT"), "{table}");
    assert!(!ash.host().path(&format!("{PROGRAMS}/join")).exists(), "a secret was left");

    // As `vagrant provision` would.
    let daemons = || [server.daemon("cluster-manager"), ash.daemon("node-manager")];
    let before = daemons().map(Result::unwrap);
    for machine in [&server, &ash, &birch] {
        machine.step("install").unwrap();
    }
    server.step("server").unwrap();
    ash.join(&server).unwrap();
    assert_eq!(daemons().map(Result::unwrap), before);
    assert_eq!(birch.step("reach").unwrap().matches(" reached").count(), 8);

    // What does not work is said.
    let nomad = server.step("nomad").unwrap_err();
    assert!(format!("{nomad:#}").contains("no nomad here"), "{nomad:#}");
    birch.host().run(&["ip", "link", "set", "eth0", "down"]).unwrap();
    let failed = ash.step("reach").unwrap_err();
    assert!(format!("{failed:#}").contains("NOT REACHED"), "{failed:#}");
}
