//! The calls that Nomad makes, in its order and with its words.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use serde_json::{Value, json};
use wgcni_lab::cluster::conflist;
use wgcni_lab::cni::{Attachment, DIRECTORY, Network, PluginError};
use wgcni_lab::probe::source_seen_through;
use wgcni_lab::runtime::{as_before, traces};
use wgcni_lab::{Cluster, Netns, Node, programs};

const FILE: &str = "05-nomad.conflist";

/// What goes goes at once, not when node-manager looks again.
const NO_RESYNC: &str = "resync_seconds = 3600";

/// Nomad's name for what it attaches: ids, arguments and ports as in its source.
const ALLOCATION: &str = "8f4c5dcb-1c5e-4fd4-2f5e-93ac6f9d3ed1";
const ARGUMENTS: &str = "IgnoreUnknown=true;NOMAD_REGION=global;NOMAD_NAMESPACE=default;\
    NOMAD_JOB_ID=a=b;NOMAD_GROUP_NAME=web servers;NOMAD_ALLOC_ID=8f4c5dcb-1c5e-4fd4-2f5e-93ac6f9d3ed1";

/// A node whose network has our plugin between loopback and these.
fn node(cluster: &Cluster, behind: &[Value]) -> Node {
    let node = cluster.add_node_with("ash", NO_RESYNC).unwrap();
    let mut list = conflist();
    let ours = [json!({"type": "loopback"}), json!({"type": "wireguard-cni"})];
    list["plugins"] = json!([&ours, behind].concat());
    node.host().write(&format!("{DIRECTORY}/{FILE}"), &list.to_string()).unwrap();
    node
}

fn network(node: &Node) -> Network<'_> {
    Network::read(node.host(), FILE).unwrap()
}

fn ports() -> Value {
    let port = |protocol| json!({"HostPort": 28080, "ContainerPort": 80, "Protocol": protocol, "HostIP": ""});
    json!([port("tcp"), port("udp")])
}

/// As Nomad names an allocation on ADD and CHECK.
fn living(netns: &Netns) -> Attachment {
    Attachment { args: ARGUMENTS.to_owned(), ..ended(&netns.path()) }
}

/// As it does on DEL: no arguments, and no namespace once that is gone.
fn ended(netns: &Path) -> Attachment {
    Attachment::new(ALLOCATION, netns).with("portMappings", ports())
}

/// What Nomad takes for the allocation's: of the interfaces, sorted by name, the first that
/// is in a sandbox and has an address.
fn interface_for_nomad(result: &Value) -> (String, IpAddr) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = result["interfaces"].as_array().unwrap().iter().enumerate();
    let mut inside: Vec<(String, usize)> = all
        .filter(|(_, interface)| !text(&interface["sandbox"]).is_empty())
        .map(|(number, interface)| (text(&interface["name"]), number))
        .collect();
    inside.sort();
    let ips = result["ips"].as_array().unwrap();
    let address = |number: usize| ips.iter().find(|ip| ip["interface"] == json!(number));
    let first = inside.into_iter().find_map(|(name, number)| Some((name, address(number)?)));
    let (name, ip) = first.unwrap();
    (name, text(&ip["address"]).split('/').next().unwrap().parse().unwrap())
}

fn code(error: &anyhow::Error) -> Option<u64> {
    error.downcast_ref::<PluginError>().map(|error| error.code)
}

#[test]
fn an_allocation_lives_from_its_add_to_a_del_without_namespace() {
    let cluster = Cluster::new().unwrap();
    let portmap = json!({"type": "portmap", "capabilities": {"portMappings": true}, "snat": true});
    let node = node(&cluster, &[portmap]);
    let network = network(&node);
    // portmap's own chains stay once they are there.
    let first = cluster.lab().add_netns("first").unwrap();
    network.add(&living(&first)).unwrap();
    network.del(&ended(&first.path()), None).unwrap();
    let before = traces(&node).unwrap();

    let netns = cluster.lab().add_netns("alloc").unwrap();
    let result = network.add(&living(&netns)).unwrap();
    let (name, address) = interface_for_nomad(&result);
    assert_eq!(name, "eth0", "{result}");
    let outside = cluster.lab().outside();
    let published = SocketAddr::new(node.host().v4().into(), 28080);
    let server = SocketAddr::new(address, 80);
    let seen = source_seen_through(outside.netns(), &netns, server, published).unwrap();
    assert_eq!(seen, outside.v4());

    netns.remove().unwrap();
    network.del(&ended(Path::new("")), Some(&result)).unwrap();
    network.del(&ended(Path::new("")), None).unwrap();
    as_before(&node, &before).unwrap();
}

#[test]
fn the_third_attempt_of_an_add_works_once_node_manager_is_back() {
    let cluster = Cluster::new().unwrap();
    let node = node(&cluster, &[]);
    let before = traces(&node).unwrap();
    let netns = cluster.lab().add_netns("alloc").unwrap();
    node.stop().unwrap();
    for _ in 0..2 {
        let refusal = network(&node).add(&living(&netns)).unwrap_err();
        assert_eq!(code(&refusal), Some(11), "{refusal:#}");
    }
    node.start().unwrap();
    let result = network(&node).add(&living(&netns)).unwrap();
    network(&node).check(&living(&netns), &result).unwrap();
    network(&node).del(&ended(&netns.path()), Some(&result)).unwrap();
    as_before(&node, &before).unwrap();
}

#[test]
fn a_plugin_behind_that_fails_all_attempts_costs_nothing_after_the_del() {
    let cluster = Cluster::new().unwrap();
    let node = node(&cluster, &[json!({"type": "tuning", "sysctl": {"net.no.such": "1"}})]);
    let before = traces(&node).unwrap();
    let netns = cluster.lab().add_netns("alloc").unwrap();
    let failures = [(); 3].map(|()| network(&node).add(&living(&netns)).unwrap_err());
    // The specification's answer to an ADD on top of one without a DEL between.
    assert_eq!(failures[1..].iter().map(code).collect::<Vec<_>>(), [Some(101); 2], "{failures:?}");
    assert_eq!(node.hub_peers().unwrap().len(), 1);
    network(&node).del(&ended(&netns.path()), None).unwrap();
    as_before(&node, &before).unwrap();
}

#[test]
fn an_allocation_whose_check_fails_gets_its_address_again_in_a_new_namespace() {
    let cluster = Cluster::new().unwrap();
    let node = node(&cluster, &[]);
    let network = network(&node);
    let before = traces(&node).unwrap();
    let netns = cluster.lab().add_netns("alloc").unwrap();
    let result = network.add(&living(&netns)).unwrap();
    // The agent restarts, and so does the node-manager.
    network.check(&living(&netns), &result).unwrap();
    node.stop().unwrap();
    network.check(&living(&netns), &result).unwrap();
    node.start().unwrap();
    network.check(&living(&netns), &result).unwrap();

    netns.ip(&["link", "set", "eth0", "down"]).unwrap();
    let broken = network.check(&living(&netns), &result).unwrap_err();
    assert_eq!(code(&broken), Some(104), "{broken:#}");
    netns.remove().unwrap();
    let netns = cluster.lab().add_netns("alloc").unwrap();
    let again = network.add(&living(&netns)).unwrap();
    assert_eq!(again["ips"], result["ips"]);
    network.check(&living(&netns), &again).unwrap();
    assert_eq!(node.hub_peers().unwrap().len(), 1);
    network.del(&ended(Path::new("")), Some(&again)).unwrap();
    as_before(&node, &before).unwrap();
}

#[test]
fn the_fingerprint_finds_a_version_on_standard_error() {
    let cluster = Cluster::new().unwrap();
    let node = node(&cluster, &[]);
    for run in ["node-manager runs", "node-manager is down"] {
        let mut plugin = node.host().command(programs::find("wireguard-cni").unwrap()).unwrap();
        let output = plugin.env_clear().output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let version = said.split_whitespace().find(|word| word.split('.').count() == 3);
        assert_eq!(version, Some(env!("CARGO_PKG_VERSION")), "{run}: {said}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{run}");
        node.stop().unwrap();
    }
}
