//! The guides of `docs/quickstart`, walked: their commands, as they stand there, on nodes
//! that are members already. How nodes become that, packages and systemd included, is
//! walked by `make test-packages`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wgcni_lab::guide::{Machine, Shell, Use, blocks, walk};
use wgcni_lab::provision::Provisioned;
use wgcni_lab::runtime::{Containerd, Podman};
use wgcni_lab::{Cluster, Lab, Node};

/// Guides whose every block is run or says why not.
const GUIDES: [&str; 7] = [
    "README.md",
    "docs/maintenance.md",
    "docs/nomad.md",
    "docs/packages.md",
    "docs/quickstart/containerd.md",
    "docs/quickstart/podman.md",
    "docs/quickstart/systemd.md",
];

fn guide(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn nodes(cluster: &Cluster) -> [Node; 2] {
    let nodes = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&nodes.each_ref()).unwrap();
    nodes
}

fn walked(name: &str, machines: &[(&str, &dyn Machine)]) -> String {
    walk(&guide(name), &machines.iter().copied().collect::<BTreeMap<_, _>>()).unwrap()
}

#[test]
fn every_block_of_commands_is_run_or_says_why_not() {
    let mut there: Vec<String> = fs::read_dir(guide("docs/quickstart"))
        .unwrap()
        .map(|entry| format!("docs/quickstart/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    there.sort();
    assert_eq!(there, GUIDES[4..], "a guide that nobody walks");
    for name in GUIDES {
        let text = fs::read_to_string(guide(name)).unwrap();
        let blocks = blocks(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!blocks.is_empty(), "{name}");
        for block in blocks {
            if let Use::Left(reason) = block.used {
                assert!(reason.len() > 10, "{name}:{}: {reason}", block.line);
            }
        }
    }
}

#[test]
fn the_checks_of_the_guide_to_nomad_show_a_cluster_that_works() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch] = nodes(&cluster);
    let shells = [cluster.host(), ash.host(), birch.host()].map(Shell::new);
    let machines: [(&str, &dyn Machine); 3] =
        [("manager", &shells[0]), ("ash", &shells[1]), ("birch", &shells[2])];
    let printed = walked("docs/nomad.md", &machines);
    assert_eq!(printed.matches("nothing is wrong").count(), 3, "{printed}");
}

#[test]
fn the_guide_to_containerd_leads_to_two_containers_that_talk() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch] = nodes(&cluster);
    let _daemons = [&ash, &birch].map(|node| Containerd::start(&cluster, node).unwrap());
    let id = cluster.lab().run().id();
    let shells = [&ash, &birch].map(|node| {
        // So that what it starts carries the run's id.
        Shell::new(node.host()).with("CONTAINERD_NAMESPACE", id)
    });
    let printed =
        walked("docs/quickstart/containerd.md", &[("ash", &shells[0]), ("birch", &shells[1])]);
    assert!(printed.contains("3 packets received"), "{printed}");
    assert!(printed.contains("db/eth0"), "{printed}");
}

#[test]
fn the_guide_to_podman_leads_to_two_containers_that_talk() {
    let cluster = Cluster::new().unwrap();
    let [ash, birch] = nodes(&cluster);
    let id = cluster.lab().run().id();
    let shells = [&ash, &birch].map(|node| {
        Podman::new(&cluster, node).unwrap();
        // So that what it starts carries the run's id.
        let parent = format!(
            "podman() {{ if [ \"$1\" = run ]; then shift; \
             set -- run --cgroup-parent /{id} \"$@\"; fi; command podman \"$@\"; }}\n"
        );
        node.host().write("/run/wgcni/podman.sh", &parent).unwrap();
        Shell::new(node.host()).with("BASH_ENV", "/run/wgcni/podman.sh")
    });
    let printed =
        walked("docs/quickstart/podman.md", &[("ash", &shells[0]), ("birch", &shells[1])]);
    assert!(printed.contains("3 packets received"), "{printed}");
    assert_eq!(birch.hub_peers().unwrap(), []);
}

#[test]
fn the_guide_to_maintenance_backs_up_restores_and_moves_under_traffic() {
    let lab = Lab::new().unwrap();
    let hosts = ["manager", "new", "ash", "birch"].map(|name| lab.add_host(name).unwrap());
    for host in &hosts[..2] {
        host.cover(&["/var/backups"]).unwrap();
    }
    let [manager, new, ash, birch] =
        hosts.each_ref().map(|host| Provisioned::new(&lab, host).unwrap());
    manager.step("server").unwrap();
    for node in [&ash, &birch] {
        node.join(&manager).unwrap();
    }
    assert!(ash.step("reach").unwrap().contains(" reached"));
    // A guide's machines, the file that somebody carries, and traffic meanwhile.
    let carried = Carried { to: &new, from: &manager };
    let box_of_birch = birch.run(ADDRESS_OF_BOX).unwrap();
    let ping = format!("ip netns exec $LAB_BOX ping -i 0.1 -w 600 {}", box_of_birch.trim());
    let traffic = format!("{ping} > $LAB_LOGS/ping.log 2>&1 & echo $! > $LAB_LOGS/ping.pid");
    ash.run(&traffic).unwrap();
    let machines: [(&str, &dyn Machine); 4] =
        [("manager", &manager), ("new", &carried), ("ash", &ash), ("birch", &birch)];
    let printed = walked("docs/maintenance.md", &machines);
    assert!(printed.contains("nothing is wrong"), "{printed}");
    let lost = "kill -INT $(cat $LAB_LOGS/ping.pid); sleep 0.3; cat $LAB_LOGS/ping.log";
    let lost = ash.run(lost).unwrap();
    assert!(lost.contains(" 0% packet loss"), "{lost}");
    // The new one is in charge: another machine can join.
    let cedar = lab.add_host("cedar").unwrap();
    let cedar = Provisioned::new(&lab, &cedar).unwrap();
    cedar.join(&new).unwrap();
    assert_eq!(cedar.step("reach").unwrap().matches(" reached").count(), 12);
}

/// Prints the address of this machine's box.
const ADDRESS_OF_BOX: &str =
    "ip -n $LAB_BOX -4 -brief address show eth0 | sed 's/.* \\([0-9.]*\\)\\/32.*/\\1/'";

/// A machine to which the backup is carried before its first commands.
struct Carried<'a> {
    to: &'a Provisioned<'a>,
    from: &'a Provisioned<'a>,
}

impl Machine for Carried<'_> {
    fn run(&self, commands: &str) -> anyhow::Result<String> {
        let [from, to] = [self.from, self.to].map(|m| m.host().path("/var/backups/wgcni.tar"));
        fs::copy(from, to)?;
        self.to.run(commands)
    }
}
