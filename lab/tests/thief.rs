//! A thief of a container's key on the underlay.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;

use wgcni_lab::process::Process;
use wgcni_lab::{Cluster, Host, Node, ping, programs, wait};

const DEVICE: &str = "stolen0";
const KEY_FILE: &str = "/run/wgcni/key";

/// A host with a WireGuard device that has the key.
struct Thief<'a> {
    host: &'a Host,
    hub: String,
    _process: Process,
}

impl<'a> Thief<'a> {
    fn new(host: &'a Host, node: &Node) -> Self {
        let show = |device: &str, what| node.host().run(&["wg", "show", device, what]).unwrap();
        let devices = node.host().run(&["wg", "show", "interfaces"]).unwrap();
        let device = devices.split_whitespace().find(|name| name.starts_with("wgc")).unwrap();
        let process = make_device(host);
        host.write(KEY_FILE, &show(device, "private-key")).unwrap();
        host.run(&["ip", "link", "set", DEVICE, "up"]).unwrap();
        let hub = show("wghub0", "public-key").trim().to_owned();
        Self { host, hub, _process: process }
    }

    /// Whether the hub answers at this address.
    fn gets_in(&self, address: IpAddr) -> bool {
        let endpoint = SocketAddr::new(address, 51819).to_string();
        let own = ["wg", "set", DEVICE, "private-key", KEY_FILE];
        let peer = ["peer", &self.hub, "endpoint", &endpoint, "allowed-ips", "10.64.0.0/12"];
        let knock = ["persistent-keepalive", "1"];
        self.host.run(&[&own[..], &peer[..], &knock[..]].concat()).unwrap();
        sleep(Duration::from_secs(3));
        let times = self.host.run(&["wg", "show", DEVICE, "latest-handshakes"]).unwrap();
        times.split_whitespace().last().unwrap().parse::<u64>().unwrap() > 0
    }
}

/// Makes a userspace WireGuard device on a host of the underlay.
fn make_device(host: &Host) -> Process {
    let mut command = host.command(programs::find("node-manager").unwrap()).unwrap();
    command.arg("tunnels");
    let process = host.spawn("tunnels", command).unwrap();
    let path = host.path("/run/wgcni/tunnels.sock");
    let mut socket = wait::until_ok("tunnels", || Ok(UnixStream::connect(&path)?)).unwrap();
    writeln!(socket, "{{\"create\":{{\"name\":\"{DEVICE}\"}}}}").unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert!(answer.contains("ok"), "{answer}");
    process
}

#[test]
fn a_stolen_key_does_not_open_the_hub_from_the_underlay() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let host = cluster.lab().add_host("thief").unwrap();
    let thief = Thief::new(&host, &node);
    assert!(!thief.gets_in(node.host().v4().into()));
    assert!(!thief.gets_in(node.host().v6().into()));
    assert!(ping::reaches(&web, node.addresses().unwrap()[0], &[0; 16]).unwrap());
    // The attack is a real one: without the rules it succeeds.
    node.stop().unwrap();
    for (table, chain) in [("raw", "PREROUTING"), ("filter", "INPUT")] {
        node.host().run(&["iptables", "-t", table, "-F", chain]).unwrap();
    }
    assert!(thief.gets_in(node.host().v4().into()), "the attack proves nothing");
}
