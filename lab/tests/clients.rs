//! Other people's clients, as `make test-clients` installs them: CNI's own tool with the
//! reference plugins, and curl.
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use serde_json::{Value, json};
use wgcni_lab::cni::DIRECTORY;
use wgcni_lab::command::checked;
use wgcni_lab::netns::Netns;
use wgcni_lab::runtime::{as_before, traces};
use wgcni_lab::{Cluster, Node, probe, programs};

/// Names the directory with `cnitool` and, in `cni/`, the newest reference plugins.
const TOOLS: &str = "WGCNI_CLIENTS_DIR";

/// What goes goes at once, not when node-manager looks again.
const NO_RESYNC: &str = "resync_seconds = 3600";

fn tools() -> PathBuf {
    env::var_os(TOOLS).unwrap_or_else(|| panic!("{TOOLS} is not set: make test-clients")).into()
}

/// cnitool on a node, with a directory of plugins beside ours.
struct CniTool<'a> {
    node: &'a Node,
    plugins: PathBuf,
}

impl<'a> CniTool<'a> {
    fn new(node: &'a Node, plugins: &Path) -> Self {
        // Where the CNI library remembers results.
        node.host().cover(&["/var/lib/cni"]).unwrap();
        Self { node, plugins: plugins.to_owned() }
    }

    fn run(&self, verb: &str, netns: &Netns) -> Result<String> {
        let mut command = self.node.host().command(tools().join("cnitool"))?;
        let path = env::join_paths([programs::directory()?, self.plugins.clone()])?;
        let port = json!({ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" });
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("NETCONFPATH", DIRECTORY)
            .env("CNI_PATH", path)
            .env("CAP_ARGS", json!({ "portMappings": [port] }).to_string());
        checked(command.args([verb, "chain"]).arg(netns.path()))
    }
}

/// Writes the network `chain` of these plugins, and tuning behind them.
fn write_chain(node: &Node, versions: &Value, plugins: &[&str]) {
    let plugin = |name: &&str| json!({ "type": name, "capabilities": { "portMappings": true } });
    let mut plugins: Vec<Value> = plugins.iter().map(plugin).collect();
    let sysctls = json!({ "net.ipv4.conf.eth0.log_martians": "1" });
    plugins.push(json!({ "type": "tuning", "sysctl": sysctls }));
    write_list(node, versions, &plugins);
}

fn write_list(node: &Node, versions: &Value, plugins: &[Value]) {
    let mut list = json!({ "name": "chain", "plugins": plugins });
    for (key, value) in versions.as_object().unwrap() {
        list[key] = value.clone();
    }
    node.host().write(&format!("{DIRECTORY}/05-chain.conflist"), &list.to_string()).unwrap();
}

/// Attaches a namespace; the chain's result.
fn attach(tool: &CniTool, netns: &Netns, version: &str) -> Value {
    let result: Value = serde_json::from_str(&tool.run("add", netns).unwrap()).unwrap();
    assert_eq!(result["cniVersion"], version, "{result}");
    let last = result["interfaces"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["name"], &last["sandbox"]), (&json!("eth0"), &json!(netns.path())));
    assert_eq!(sysctl(netns, "net/ipv4/conf/eth0/log_martians"), "1");
    result
}

fn sysctl(netns: &Netns, key: &str) -> String {
    let path = Path::new("/proc/sys").join(key);
    netns.within(|| fs::read_to_string(path)).unwrap().unwrap().trim().to_owned()
}

/// All verbs through each of these chains.
fn all_verbs(versions: &Value, version: &str, plugins: &Path, chains: &[&[&str]]) {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let tool = CniTool::new(&node, plugins);
    for (number, chain) in chains.iter().enumerate() {
        write_chain(&node, versions, chain);
        let netns = |name| cluster.lab().add_netns(&format!("{name}{number}")).unwrap();
        let (one, two) = (netns("one"), netns("two"));
        // The reference plugins' own chains stay once they are there.
        attach(&tool, &one, version);
        tool.run("del", &one).unwrap();
        let before = traces(&node).unwrap();

        tool.run("status", &one).unwrap();
        let result = attach(&tool, &one, version);
        tool.run("check", &one).unwrap();
        if chain.contains(&"portmap") {
            reaches_published(&cluster, &node, &one, &result);
        }
        attach(&tool, &two, version);
        tool.run("del", &one).unwrap();
        tool.run("check", &one).unwrap_err();
        tool.run("del", &one).unwrap();
        tool.run("check", &two).unwrap();
        // cnitool names no attachment as valid.
        tool.run("gc", &one).unwrap();
        as_before(&node, &before).unwrap();
    }
}

fn reaches_published(cluster: &Cluster, node: &Node, netns: &Netns, result: &Value) {
    let ips = result["ips"].as_array().unwrap().iter();
    let eth0 = json!(result["interfaces"].as_array().unwrap().len() - 1);
    let own = ips.filter(|ip| ip["interface"] == eth0).filter_map(|ip| ip["address"].as_str());
    let bare = |address: &str| address.split('/').next().unwrap().parse::<IpAddr>().unwrap();
    let outside = cluster.lab().outside().netns();
    let hosts = [IpAddr::from(node.host().v4()), node.host().v6().into()];
    for (listen, host) in own.map(bare).zip(hosts) {
        let listen = (listen, 80).into();
        probe::source_seen_through(outside, netns, listen, (host, 8080).into()).unwrap();
    }
}

fn newest_plugins() -> PathBuf {
    tools().join("cni")
}

fn both_versions() -> Value {
    json!({ "cniVersion": "1.0.0", "cniVersions": ["1.0.0", "1.1.0"] })
}

/// firewall keeps rules for the addresses of `lo`, too, when loopback is in its chain, and
/// the first DEL takes them from all: so each chain has one of the two.
const CHAINS: [&[&str]; 2] =
    [&["loopback", "wireguard-cni", "portmap"], &["wireguard-cni", "portmap", "firewall"]];

#[test]
fn cnitool_runs_all_verbs_of_1_1_0_through_chains() {
    all_verbs(&both_versions(), "1.1.0", &newest_plugins(), &CHAINS);
}

#[test]
fn cnitool_runs_all_verbs_of_1_0_0_through_chains() {
    all_verbs(&json!({ "cniVersion": "1.0.0" }), "1.0.0", &newest_plugins(), &CHAINS);
}

/// Without portmap: Debian's (1.1.1) looks for IPv4 rules in the IPv6 table on CHECK.
#[test]
fn cnitool_runs_all_verbs_through_chains_of_debians_plugins() {
    let chains: [&[&str]; 2] = [&["loopback", "wireguard-cni"], &["wireguard-cni", "firewall"]];
    let debian = Path::new(programs::REFERENCE_PLUGINS);
    all_verbs(&json!({ "cniVersion": "1.0.0" }), "1.0.0", debian, &chains);
}

/// It shapes the veth of a container, and a WireGuard interface is none.
#[test]
fn bandwidth_lets_us_pass_only_without_limits_and_fails_its_own_check() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    write_chain(&node, &both_versions(), &["wireguard-cni", "bandwidth"]);
    let tool = CniTool::new(&node, &newest_plugins());
    let before = traces(&node).unwrap();
    let netns = cluster.lab().add_netns("one").unwrap();
    attach(&tool, &netns, "1.1.0");
    let refusal = tool.run("check", &netns).unwrap_err().to_string();
    assert!(refusal.contains("veth"), "{refusal}");
    tool.run("del", &netns).unwrap();
    as_before(&node, &before).unwrap();
    let rate = 1_000_000;
    let limits = json!({ "type": "bandwidth", "ingressRate": rate, "ingressBurst": rate });
    write_list(&node, &both_versions(), &[json!({ "type": "wireguard-cni" }), limits]);
    let refusal = tool.run("add", &netns).unwrap_err().to_string();
    assert!(refusal.contains("bandwidth"), "{refusal}");
    tool.run("del", &netns).unwrap();
    as_before(&node, &before).unwrap();
}

#[test]
fn cnitool_learns_from_status_that_node_manager_is_down() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    write_chain(&node, &both_versions(), &["wireguard-cni"]);
    let tool = CniTool::new(&node, &newest_plugins());
    let netns = cluster.lab().add_netns("one").unwrap();
    node.stop().unwrap();
    let refusal = tool.run("status", &netns).unwrap_err().to_string();
    assert!(refusal.contains("node-manager"), "{refusal}");
}

/// The calls of docs/operations.md.
#[test]
fn curl_speaks_connect_with_both_daemons() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let ask = |mut curl: Command, url: &str| -> Value {
        curl.args(["-sS", "--fail", "-H", "content-type:application/json", "-d", "{}", url]);
        serde_json::from_str(&checked(curl.stderr(Stdio::piped())).unwrap()).unwrap()
    };
    let mut curl = node.host().command("curl").unwrap();
    curl.args(["--unix-socket", "/run/wgcni/node.sock"]);
    let status = ask(curl, "http://node/wgcni.node.v1.AttachmentService/Status");
    assert_eq!(status["ready"], true, "{status}");
    let mut curl = cluster.host().command("curl").unwrap();
    curl.args(["--unix-socket", "/run/wgcni/cluster-manager.sock"]);
    let list = ask(curl, "http://cm/wgcni.ipam.v1.IpamService/List");
    assert_eq!(list["leases"].as_array().map(Vec::len), Some(1), "{list}");
}
