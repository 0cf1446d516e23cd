//! What must hold once everybody who died was started again: nothing is lost, and nothing
//! is there that belongs to nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::netns::Netns;
use crate::{Cluster, Container, Node};

/// What a state directory may hold; anything else was left by somebody.
const STATE: [&str; 10] = [
    "attachments",
    "hub.key",
    "hub.pub",
    "lease.json",
    "lock",
    "mesh.key",
    "mesh.pub",
    "peers.json",
    "sysctls.json",
    "tunnels.log",
];

/// What should be.
#[derive(Debug, Default)]
pub struct Truth<'a> {
    /// The nodes that run.
    pub nodes: Vec<&'a Node>,
    /// Members of the mesh that are no nodes of ours, with their leases.
    pub guests: BTreeMap<String, Vec<String>>,
    /// The containers that are attached, each with the IPv4 address that it has.
    pub attached: Vec<(&'a Node, &'a Netns, [String; 2])>,
    /// The namespaces whose container is detached.
    pub detached: Vec<&'a Netns>,
}

impl<'a> Truth<'a> {
    /// The truth with one more container.
    #[must_use]
    pub fn with(mut self, container: &'a Container<'a>) -> Self {
        let addresses = container.addresses().map(|address| address.to_string());
        self.attached.push((container.node(), container.netns(), addresses));
        self
    }
}

/// Compares everything with what should be.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn verify(cluster: &Cluster, truth: &Truth) -> Result<()> {
    let leases = leases(cluster)?;
    unique(truth)?;
    for node in &truth.nodes {
        one_node(node, truth, &leases).with_context(|| node.name().to_owned())?;
    }
    for (_, namespace, _) in &truth.attached {
        ensure_links(namespace, &["eth0", "lo"])?;
    }
    truth.detached.iter().try_for_each(|namespace| ensure_links(namespace, &["lo"]))
}

/// No address twice.
fn unique(truth: &Truth) -> Result<()> {
    let mut given = BTreeSet::new();
    let mut all = truth.attached.iter().flat_map(|(_, _, addresses)| addresses);
    let twice = all.find(|address| !given.insert(*address));
    twice.map_or(Ok(()), |address| bail!("{address} is given twice"))
}

/// The leases by node; no prefix twice, and the same ones in the mesh.
///
/// # Errors
/// When the cluster-manager does not answer or contradicts itself.
fn leases(cluster: &Cluster) -> Result<BTreeMap<String, Vec<String>>> {
    let list = cluster.call("wgcni.ipam.v1.IpamService/List", &json!({}))?;
    let mut leases = BTreeMap::new();
    let mut given = BTreeSet::new();
    for lease in list["leases"].as_array().into_iter().flatten() {
        let prefixes = texts(&lease["prefixes"]);
        for prefix in &prefixes {
            ensure!(given.insert(prefix.clone()), "{prefix} is leased twice: {list}");
        }
        leases.insert(text(&lease["node"]), prefixes);
    }
    Ok(leases)
}

fn one_node(node: &Node, truth: &Truth, leases: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let mut others = truth.guests.clone();
    for other in truth.nodes.iter().filter(|other| other.name() != node.name()) {
        let lease = leases.get(other.name()).context("an acknowledged lease is lost")?;
        others.insert(other.name().to_owned(), lease.clone());
    }
    let own = leases.get(node.name()).context("an acknowledged lease is lost")?;
    ready(node)?;
    containers(node, truth)?;
    mesh(node, &others)?;
    routes(node, own, &others)?;
    links(node)?;
    firewall(node)?;
    files(node)
}

/// The node says that all is well.
fn ready(node: &Node) -> Result<()> {
    let status = node.call("wgcni.node.v1.AttachmentService/Status", &json!({}))?;
    let connected = status["clusterManagerConnected"] == true;
    ensure!(status["ready"] == true && connected, "status: {status}");
    // What the lab asked for is no surprise.
    let mut reasons = texts(&status["reasons"]);
    reasons.retain(|reason| !reason.starts_with("insecure plaintext"));
    ensure!(reasons.is_empty(), "status: {status}");
    Ok(())
}

/// Store and hub have the containers that are attached, each with its addresses, and no
/// others; and no device is there but theirs.
fn containers(node: &Node, truth: &Truth) -> Result<()> {
    let here = truth.attached.iter().filter(|(at, _, _)| at.name() == node.name());
    let want: BTreeSet<BTreeSet<String>> =
        here.map(|(_, _, [v4, v6])| [format!("{v4}/32"), format!("{v6}/128")].into()).collect();
    let status = node.call("wgcni.node.v1.AttachmentService/Status", &json!({}))?;
    let stored = text(&status["attachments"]).parse().unwrap_or(0);
    ensure!(want.len() == stored, "{stored} attachments are stored, not {}", want.len());
    let have = node.hub_peers()?.into_iter().map(|(_, addresses)| addresses.into_iter().collect());
    let have: Vec<BTreeSet<String>> = have.collect();
    ensure!(have.len() == want.len(), "the hub has {have:?}, not {want:?}");
    ensure!(have.into_iter().collect::<BTreeSet<_>>() == want, "the hub's addresses are wrong");
    let shown = node.host().run(&["wg", "show", "interfaces"])?;
    let devices = shown.split_whitespace().count();
    ensure!(devices == 2 + want.len(), "{} containers and devices {shown}", want.len());
    Ok(())
}

/// The mesh has all others, each with its lease, and nobody else.
fn mesh(node: &Node, others: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let shown = node.host().run(&["wg", "show", "wgmesh0", "allowed-ips"])?;
    let prefixes = |line: &str| {
        let (_, list) = line.split_once('\t').unwrap_or_default();
        list.split(' ').map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let have: BTreeSet<_> = shown.lines().map(prefixes).collect();
    let want: BTreeSet<_> = others.values().map(|l| l.iter().cloned().collect()).collect();
    ensure!(
        have == want && shown.lines().count() == others.len(),
        "the mesh has {have:?}, not {want:?}"
    );
    Ok(())
}

/// A route for each lease, the cluster's prefixes lead nowhere, and nothing else is ours.
fn routes(node: &Node, own: &[String], others: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let mut want: BTreeSet<(String, String)> = BTreeSet::new();
    want.extend(own.iter().map(|prefix| (prefix.clone(), "wghub0".to_owned())));
    want.extend(others.values().flatten().map(|prefix| (prefix.clone(), "wgmesh0".to_owned())));
    let mut have = BTreeSet::new();
    let mut nowhere = 0;
    for line in node.routes()? {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["unreachable", ..] => nowhere += 1,
            [to, "dev", link, ..] => drop(have.insert(((*to).to_owned(), (*link).to_owned()))),
            other => bail!("route {other:?}"),
        }
    }
    ensure!(have == want, "routes are {have:?}, not {want:?}");
    ensure!(nowhere == 2, "{nowhere} unreachable routes, not 2");
    Ok(())
}

/// Hub and mesh, marked, up, with the node's address and no other, and no further link.
fn links(node: &Node) -> Result<()> {
    ensure_links(node.host().netns(), &["eth0", "lo", "wghub0", "wgmesh0"])?;
    let shown = node.host().run(&["ip", "-j", "-d", "address"])?;
    let all: Value = serde_json::from_str(&shown)?;
    let mut addresses = Vec::new();
    for name in ["wghub0", "wgmesh0"] {
        let mut links = all.as_array().into_iter().flatten();
        let link = links.find(|link| link["ifname"] == name).context("no such link")?;
        let mark = text(&link["ifalias"]);
        ensure!(mark.starts_with("wgcni:"), "{name} is not marked: {mark:?}");
        ensure!(texts(&link["flags"]).contains(&"UP".to_owned()), "{name} is down");
        ensure!(link["mtu"] == 1420, "{name} has MTU {}", link["mtu"]);
        let own = link["addr_info"].as_array().into_iter().flatten();
        let own = own.filter(|address| address["scope"] == "global");
        addresses.push(own.map(|address| text(&address["local"])).collect::<BTreeSet<_>>());
    }
    ensure!(addresses[0] == addresses[1] && addresses[0].len() == 2, "addresses {addresses:?}");
    Ok(())
}

/// Our chains are there, each called once.
fn firewall(node: &Node) -> Result<()> {
    for tool in ["iptables-save", "ip6tables-save"] {
        let rules = node.host().run(&[tool])?;
        for chain in ["PREROUTING", "INPUT", "FORWARD", "POSTROUTING"] {
            let jump = format!("-A {chain} -j WGCNI-{chain}");
            let jumps = rules.lines().filter(|line| *line == jump).count();
            ensure!(jumps == 1, "{tool}: {jumps} times {jump}");
            let rule = format!("-A WGCNI-{chain} ");
            ensure!(rules.contains(&rule), "{tool}: no rules in WGCNI-{chain}");
        }
    }
    let forwarding = ["sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];
    ensure!(node.host().run(&forwarding)? == "1\n1\n", "forwarding is off");
    Ok(())
}

/// No file is left of a write that did not end, and no tombstone waits.
fn files(node: &Node) -> Result<()> {
    let state = node.host().path("/var/lib/wgcni/node-manager");
    for name in names(&state)? {
        ensure!(STATE.contains(&name.as_str()) || name == "tombstones", "a file {name} was left");
    }
    let tombstones = names(&state.join("tombstones")).unwrap_or_default();
    ensure!(tombstones.is_empty(), "tombstones {tombstones:?} wait");
    Ok(())
}

fn names(directory: &std::path::Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// The namespace has these interfaces and no others.
fn ensure_links(namespace: &Netns, want: &[&str]) -> Result<()> {
    let shown = namespace.ip(&["-o", "link"])?;
    let name = |line: &str| {
        let name = line.split(": ").nth(1).unwrap_or_default();
        name.split('@').next().unwrap_or_default().to_owned()
    };
    let mut have: Vec<String> = shown.lines().map(name).collect();
    have.sort();
    ensure!(have == want, "{} has links {have:?}, not {want:?}", namespace.name());
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}
