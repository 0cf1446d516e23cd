//! `deploy/vagrant/provision.sh`, which makes machines of `vagrant up` a cluster, as it is:
//! on hosts of a lab, where no systemd runs.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use wgcni_lab::Lab;
use wgcni_lab::guide::Machine;
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

/// Stands in for Nomad's program: an agent that runs, and answers.
const NOMAD: &str = "#!/bin/sh\n[ \"$1\" != agent ] || exec sleep 600\n";

#[test]
fn nomad_serves_on_one_machine_and_runs_on_another_with_plugins_that_are_there() {
    let lab = Lab::new().unwrap();
    let hosts = ["server", "ash"].map(|name| lab.add_host(name).unwrap());
    let [server, ash] = hosts.each_ref().map(|host| Provisioned::new(&lab, host).unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let jobs = root.join("nomad");
    for machine in [&server, &ash] {
        machine.host().cover(&["/opt/cni", "/etc/nomad.d"]).unwrap();
        let nomad = format!("{PROGRAMS}/bin/nomad");
        machine.host().write(&nomad, NOMAD).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(machine.host().path(&nomad), executable).unwrap();
    }
    let step = format!("{}/deploy/vagrant/provision.sh nomad", root.display());
    server.run(&format!("LAB_NOMAD=server LAB_JOBS={} {step}", jobs.display())).unwrap();
    ash.run(&format!("LAB_JOBS={} {step}", jobs.display())).unwrap();
    let files = |machine: &Provisioned| machine.run("ls /etc/nomad.d /opt/cni").unwrap();
    // Without a node-manager nothing could be attached there.
    assert_eq!(files(&server), "/etc/nomad.d:\nnomad-server.hcl\n\n/opt/cni:\n");
    let of_client = "/etc/nomad.d:\nclient.hcl\nnomad-agent.hcl\n\n/opt/cni:\nconfig\n";
    assert_eq!(files(&ash), of_client);
    // What is named there is what `install` brings, as in the packages' example.
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    assert_eq!(
        read(&ash.host().path("/opt/cni/config/wgnet.conflist")),
        read(&root.join("packaging/src/10-wgnet.conflist"))
    );
}
