//! docs/quickstart/systemd.md, walked on three machines with nothing but the packages.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use wgcni_lab::Lab;
use wgcni_lab::guide::{self, walk};

use crate::machine::Machine;

/// A machine to which `nodes.join` is brought as soon as there is one.
struct Node<'a> {
    machine: &'a Machine,
    manager: &'a Machine,
    brought: Cell<bool>,
}

impl guide::Machine for Node<'_> {
    fn run(&self, commands: &str) -> anyhow::Result<String> {
        if !self.brought.replace(true) {
            let join = self.manager.run("cat nodes.join");
            let bring = "umask 077; cat > nodes.join";
            let done = self.machine.fed(bring, join.as_bytes());
            anyhow::ensure!(done.status.success(), "bring nodes.join");
        }
        guide::Machine::run(self.machine, commands)
    }
}

#[test]
fn the_guide_to_plain_machines_leads_to_two_containers_that_talk_and_back_to_nothing() {
    let lab = Lab::new().unwrap();
    let [manager, ash, birch] = ["manager", "ash", "birch"].map(|name| {
        let machine = Machine::bare(name);
        lab.connect(name, machine.id()).unwrap();
        machine.run("cp /packages/*.deb .");
        machine
    });
    let node = |machine| Node { machine, manager: &manager, brought: Cell::new(false) };
    let nodes = [node(&ash), node(&birch)];
    let machines: [(&str, &dyn guide::Machine); 3] =
        [("manager", &manager), ("ash", &nodes[0]), ("birch", &nodes[1])];
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/quickstart/systemd.md");
    let printed = walk(&guide, &machines.into_iter().collect::<BTreeMap<_, _>>());
    let printed = printed.with_context(|| manager.journal()).unwrap();
    assert!(printed.contains("3 received, 0% packet loss"), "{printed}");
    for node in [&ash, &birch] {
        assert!(!node.succeeds("ip link show wghub0"), "{printed}");
        assert!(!node.succeeds("ls /var/lib/wgcni/node-manager"), "a key was left");
    }
    assert!(manager.run("wgcni status").starts_with("nothing is wrong"));
}
