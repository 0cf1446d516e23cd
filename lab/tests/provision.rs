//! `deploy/vagrant/provision.sh`, which makes machines of `vagrant up` a cluster, as it is:
//! on hosts of a lab, where no systemd runs.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use wgcni_lab::guide::{Machine, Shell};
use wgcni_lab::{Host, Lab, programs};

/// Where a machine of the lab has what packages would bring.
const PROGRAMS: &str = "/opt/wgcni-lab";

struct Provisioned<'a> {
    host: &'a Host,
    shell: Shell<'a>,
}

impl<'a> Provisioned<'a> {
    fn new(lab: &Lab, host: &'a Host) -> Self {
        host.cover(&[PROGRAMS]).unwrap();
        let shell = Shell::new(host)
            .with("LAB_FROM", programs::directory().unwrap().to_str().unwrap())
            .with("LAB_BIN", format!("{PROGRAMS}/bin"))
            .with("LAB_CNI_BIN", format!("{PROGRAMS}/cni"))
            .with("LAB_LOGS", format!("{PROGRAMS}/log"))
            .with("LAB_JOIN", format!("{PROGRAMS}/join"))
            .with("LAB_START", "background")
            .with("LAB_ADDRESS", host.v4().to_string())
            .with("LAB_BOX", lab.run().name_of(&format!("box-{}", host.name())));
        Self { host, shell }
    }

    fn step(&self, step: &str) -> String {
        self.try_step(step).unwrap()
    }

    fn try_step(&self, step: &str) -> anyhow::Result<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/vagrant/provision.sh");
        let script = script.canonicalize()?;
        let said = self.shell.run(&format!("{} {step}", script.display()));
        said.map_err(|error| error.context(self.logs()))
    }

    fn logs(&self) -> String {
        let logs = ["cluster-manager", "node-manager"].map(|name| {
            let path = self.host.path(&format!("{PROGRAMS}/log/{name}.log"));
            fs::read_to_string(path).unwrap_or_default()
        });
        logs.concat()
    }

    fn process(&self, name: &str) -> String {
        fs::read_to_string(self.host.path(&format!("{PROGRAMS}/log/{name}.pid"))).unwrap()
    }
}

fn join(server: &Provisioned, node: &Provisioned) {
    node.host.write(&format!("{PROGRAMS}/join"), &server.step("ticket")).unwrap();
    node.step("node");
}

#[test]
fn three_machines_become_a_cluster_and_every_step_may_be_repeated() {
    let lab = Lab::new().unwrap();
    let hosts = ["server", "ash", "birch"].map(|name| lab.add_host(name).unwrap());
    let [server, ash, birch] = hosts.each_ref().map(|host| Provisioned::new(&lab, host));
    for machine in [&server, &ash, &birch] {
        machine.step("install");
    }
    server.step("server");
    for node in [&ash, &birch] {
        join(&server, node);
        node.step("box");
    }
    let table = ash.step("reach");
    // Two nodes and two boxes, by both families.
    assert_eq!(table.matches(" reached").count(), 8, "{table}");
    assert!(table.contains("from the box on ash") && !table.contains("NOT"), "{table}");
    assert!(!ash.host.path(&format!("{PROGRAMS}/join")).exists(), "a secret was left");

    // As `vagrant provision` would.
    let before = [server.process("cluster-manager"), ash.process("node-manager")];
    for machine in [&server, &ash, &birch] {
        machine.step("install");
    }
    server.step("server");
    join(&server, &ash);
    ash.step("box");
    assert_eq!([server.process("cluster-manager"), ash.process("node-manager")], before);
    assert_eq!(birch.step("reach").matches(" reached").count(), 8);

    // What does not work is said.
    birch.host.run(&["ip", "link", "set", "eth0", "down"]).unwrap();
    let failed = ash.try_step("reach").unwrap_err();
    assert!(format!("{failed:#}").contains("NOT REACHED"), "{failed:#}");
}
