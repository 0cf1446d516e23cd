//! A host that reboots: the runtime comes back with the same containers, and nobody has
//! said goodbye.
#![allow(clippy::unwrap_used)]

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use wgcni_lab::cni::PluginError;
use wgcni_lab::{Cluster, Container, Node, clean, ping, wait};

const STATUS: &str = "wgcni.node.v1.AttachmentService/Status";

/// All rules, routes and settings of ours that a kernel would have forgotten.
const FORGET: [&str; 8] = [
    "ip route flush proto 177",
    "ip -6 route flush proto 177",
    "iptables -F",
    "iptables -t raw -F",
    "iptables -t nat -F",
    "ip6tables -F",
    "ip6tables -t raw -F",
    "ip6tables -t nat -F",
];

/// Ends what runs on a node's host, and takes away what no boot finds again: interfaces,
/// routes, rules, `/run`. The next boot has another id.
fn power_off(node: &Node) {
    node.kill().unwrap();
    let host = node.host();
    let inodes = [host.netns().inode().unwrap()].into();
    let is_ours = |id: &i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"tunnels")
    };
    let tunnels = || clean::processes_in(&inodes).into_iter().find(is_ours);
    if let Some(id) = tunnels() {
        kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
        wait::until("the tunnels to end", || tunnels().is_none()).unwrap();
    }
    for link in ["wgmesh0", "wghub0"] {
        // A userspace one is gone already.
        let _ = host.run(&["ip", "link", "delete", link]);
    }
    for line in FORGET {
        host.run(&line.split(' ').collect::<Vec<_>>()).unwrap();
    }
    for key in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
        host.netns().sysctl(key, "0").unwrap();
    }
    for directory in ["/run/wgcni", "/run/wireguard"] {
        for entry in fs::read_dir(host.path(directory)).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    host.write("/etc/wgcni/boot_id", "5e0c3f0e-0000-4000-8000-000000000002\n").unwrap();
    let own = "/proc/sys/kernel/random/boot_id";
    host.run(&["mount", "--bind", "/etc/wgcni/boot_id", own]).unwrap();
}

/// Starts the node-manager with another time of rest.
fn restart_with_quarantine(node: &Node, seconds: u32) {
    node.stop().unwrap();
    let path = node.host().path("/etc/wgcni/node-manager.toml");
    let config = fs::read_to_string(&path).unwrap();
    let kept = config.lines().filter(|line| !line.starts_with("quarantine_seconds"));
    let kept: Vec<&str> = kept.collect();
    fs::write(path, format!("{}\nquarantine_seconds = {seconds}\n", kept.join("\n"))).unwrap();
    node.start().unwrap();
}

/// ADD for the same container, in a namespace of its own; its addresses.
fn comes_back(cluster: &Cluster, container: &Container) -> Vec<String> {
    cluster.lab().add_netns(container.name()).unwrap();
    let result = container.add_again().unwrap();
    let ips = result["ips"].as_array().unwrap().iter();
    let bare = |text: &str| text.split('/').next().unwrap_or_default().to_owned();
    ips.map(|ip| bare(ip["address"].as_str().unwrap())).collect()
}

#[test]
fn after_a_reboot_who_comes_back_has_its_address_and_the_rest_is_given_anew() {
    // Five addresses for containers of a node.
    let mut cluster = Cluster::with(&[("WGCNI_LEASE_LENGTH_V4", "29")]).unwrap();
    let ash = cluster.add_node_with("ash", "quarantine_seconds = 3600").unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    let before = ["a", "b", "c", "d"].map(|name| cluster.attach(&ash, name).unwrap());
    assert!(ping::reaches(&before[0], db.v4().into(), &[0; 16]).unwrap());
    cluster.stop_manager().unwrap();

    power_off(&ash);
    for container in &before {
        container.netns().remove().unwrap();
    }
    ash.start().unwrap();
    assert!(ash.hub_peers().unwrap().is_empty(), "they died with the host");
    // Others are faster than the runtime: what rests is not theirs.
    let stranger = cluster.attach(&ash, "stranger").unwrap();
    assert!(before.iter().all(|container| container.v4() != stranger.v4()));
    let refusal = cluster.attach(&ash, "second").unwrap_err();
    assert_eq!(refusal.downcast_ref::<PluginError>().unwrap().code, 11, "{refusal:#}");
    let [a, b, c, d] = &before;
    for back in [b, a] {
        let addresses = back.addresses().map(|address| address.to_string());
        assert_eq!(comes_back(&cluster, back), addresses);
    }
    for (from, to) in [(a, &db), (b, &db), (&db, a), (&stranger, b), (a, b)] {
        for address in to.addresses() {
            let what = format!("{} to reach {address}", from.name());
            let reaches = || ping::reaches(from, address, &[0; 16]).is_ok_and(|answer| answer);
            wait::until(&what, reaches).unwrap();
        }
    }

    // Those that do not come back rest, and are given anew then.
    restart_with_quarantine(&ash, 1);
    cluster.lab().remove_netns("second").unwrap();
    let second = wait::until_ok("an address that has rested", || {
        let attached = cluster.attach(&ash, "second");
        if attached.is_err() {
            cluster.lab().remove_netns("second")?;
        }
        attached
    });
    assert!([c.v4(), d.v4()].contains(&second.unwrap().v4()));
    let status = ash.call(STATUS, &json!({})).unwrap();
    assert_eq!(status["attachments"], "4");
    assert_eq!(ash.hub_peers().unwrap().len(), 4);
}
