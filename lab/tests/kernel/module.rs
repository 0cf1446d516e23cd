//! A kernel whose WireGuard comes later. Inside the machine, and with nothing beside it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use wgcni_lab::{Cluster, ping};

use crate::devices::kind;

/// Where the module is while the kernel cannot find it.
const HIDDEN: &str = "/tmp/wireguard";

/// The module, out of the kernel's sight until this is dropped.
struct Hidden(PathBuf);

impl Hidden {
    fn new() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let modules = PathBuf::from("/lib/modules").join(release.trim());
        let directory = modules.join("kernel/drivers/net/wireguard");
        let loaded = || fs::read_to_string("/proc/modules").unwrap().contains("wireguard ");
        if loaded() {
            assert!(Command::new("rmmod").arg("wireguard").status().unwrap().success());
        }
        fs::rename(&directory, HIDDEN).unwrap();
        Self(directory)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        fs::rename(HIDDEN, &self.0).unwrap();
    }
}

pub fn the_kind_of_devices_is_chosen_at_the_first_start_and_stays() {
    let cluster = Cluster::new().unwrap();
    let hidden = Hidden::new();
    let ash = cluster.add_node("ash").unwrap();
    assert_eq!(kind(&ash), "tun");
    let web = cluster.attach(&ash, "web").unwrap();
    drop(hidden);
    let birch = cluster.add_node("birch").unwrap();
    assert_eq!(kind(&birch), "wireguard");
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();

    // The module is there now, but so are containers on userspace devices.
    ash.stop().unwrap();
    ash.start().unwrap();
    assert_eq!(kind(&ash), "tun");
    web.check().unwrap();
    for address in db.addresses() {
        assert!(ping::reaches(&web, address, &[0; 16]).unwrap(), "{address}");
    }
    for (node, other) in [(&ash, "kernel"), (&birch, "userspace")] {
        node.stop().unwrap();
        let mut demand = node.host().command("node-manager").unwrap();
        let refused = demand.args(["serve", "--wireguard", other]).output().unwrap();
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("node-manager cleanup"), "{said}");
    }

    ash.cleanup().unwrap();
    ash.start().unwrap();
    assert_eq!(kind(&ash), "wireguard");
}
