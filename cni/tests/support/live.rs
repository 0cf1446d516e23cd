//! A node with the real daemons, and containers that raw calls attach to it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use super::{Call, Outcome, PLUGIN};
use serde_json::{Value, json};
use wgcni_lab::{Cluster, Netns, Node};

/// A node of a cluster.
pub struct Live {
    pub node: Node,
    pub cluster: Cluster,
}

impl Live {
    /// Starts a cluster of one node with more lines in the node-manager's config.
    pub fn start(config: &str) -> Self {
        let cluster = Cluster::new().unwrap();
        let node = cluster.add_node_with("ash", config).unwrap();
        Self { node, cluster }
    }

    /// An empty namespace, as runtimes make it.
    pub fn container(&self, name: &str) -> Container<'_> {
        Container {
            live: self,
            netns: self.cluster.lab().add_netns(name).unwrap(),
            id: name.into(),
        }
    }

    /// Runs a call on the node.
    pub fn run(&self, call: &Call) -> Outcome {
        call.run_as(self.node.host().command(PLUGIN).unwrap())
    }

    /// How many peers the hub has.
    pub fn peers(&self) -> usize {
        self.node.hub_peers().unwrap().len()
    }

    /// Links in the host's namespace that a container's interface is made of.
    pub fn remains(&self) -> Vec<String> {
        let links = self.node.host().run(&["ip", "-o", "link"]).unwrap();
        links.lines().filter(|line| line.contains(": wgc")).map(str::to_owned).collect()
    }
}

/// A network configuration with the host's defaults.
pub fn conf(version: &str) -> Value {
    json!({ "cniVersion": version, "name": "wgnet", "type": "wireguard-cni" })
}

/// A container of the node.
pub struct Container<'a> {
    live: &'a Live,
    pub netns: Netns,
    pub id: String,
}

impl Container<'_> {
    /// A call about it.
    pub fn call(&self, verb: &str) -> Call {
        Call::new(verb).with("CNI_CONTAINERID", &*self.id).netns(&self.netns.path())
    }

    pub fn run(&self, verb: &str, conf: &Value) -> Outcome {
        self.live.run(&self.call(verb).conf(conf))
    }

    /// CHECK with the result of the ADD.
    pub fn check(&self, conf: &Value, result: &Value) -> Outcome {
        let mut conf = conf.clone();
        conf["prevResult"] = result.clone();
        self.run("CHECK", &conf)
    }

    /// What `ip -j` says in there.
    pub fn ip(&self, arguments: &[&str]) -> Value {
        let text = self.netns.ip(&[&["-j"], arguments].concat()).unwrap();
        if text.trim().is_empty() { json!([]) } else { serde_json::from_str(&text).unwrap() }
    }

    /// Names of its interfaces.
    pub fn interfaces(&self) -> Vec<String> {
        let links = self.ip(&["link"]);
        let name = |link: &Value| link["ifname"].as_str().unwrap().to_owned();
        links.as_array().unwrap().iter().map(name).collect()
    }

    /// Destinations of a family's routes over an interface, sorted.
    pub fn routes(&self, family: &str, name: &str) -> Vec<String> {
        let routes = self.ip(&[family, "route", "show", "dev", name, "proto", "177"]);
        let to = |route: &Value| route["dst"].as_str().unwrap().to_owned();
        let mut routes: Vec<_> = routes.as_array().unwrap().iter().map(to).collect();
        routes.sort();
        routes
    }
}
