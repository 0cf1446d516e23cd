//! The real programs on the hosts of a lab: one cluster-manager, and nodes.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cni::DIRECTORY;
use crate::container::Container;
use crate::host::Host;
use crate::lab::Lab;
use crate::node::Node;
use crate::process::Process;
use crate::{programs, rpc, wait};

/// Port of the cluster-manager's API.
pub const API_PORT: u16 = 7400;

/// File name of the conflist that every node has.
pub const CONFLIST: &str = "10-wgnet.conflist";

/// A lab with a running cluster-manager.
#[derive(Debug)]
pub struct Cluster {
    manager: Option<Process>,
    variables: Vec<(&'static str, &'static str)>,
    host: Host,
    lab: Lab,
}

impl Cluster {
    /// Makes a lab and starts a cluster-manager on a host of its own.
    ///
    /// # Errors
    /// When a program is missing or does not get ready.
    pub fn new() -> Result<Self> {
        Self::with(&[])
    }

    /// The same with more variables (`WGCNI_…`) for the cluster-manager.
    ///
    /// # Errors
    /// When a program is missing or does not get ready.
    pub fn with(variables: &[(&'static str, &'static str)]) -> Result<Self> {
        for program in ["cluster-manager", "node-manager", "wireguard-cni"] {
            programs::find(program)?;
        }
        let lab = Lab::new()?;
        let host = lab.add_host("manager")?;
        let mut cluster = Self { manager: None, variables: variables.to_vec(), host, lab };
        crate::command::checked(cluster.command()?.args(["init", "--non-interactive"]))?;
        cluster.start_manager()?;
        Ok(cluster)
    }

    /// Starts the cluster-manager and waits until it answers.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start_manager(&mut self) -> Result<()> {
        let mut command = self.command()?;
        command.arg("serve");
        let mut process = self.host.spawn("cluster-manager", command)?;
        let api = self.api();
        process.wait_ready(|| {
            let answer = self.host.netns().within(|| TcpStream::connect(api));
            matches!(answer, Ok(Ok(_)))
        })?;
        self.manager = Some(process);
        Ok(())
    }

    /// Whether the cluster-manager was started and has ended since, or was never started.
    pub fn manager_is_down(&mut self) -> bool {
        self.manager.as_mut().is_none_or(Process::has_ended)
    }

    /// Ends the cluster-manager (SIGTERM).
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_manager(&mut self) -> Result<()> {
        self.manager.take().map_or(Ok(()), |process| process.stop().map(drop))
    }

    /// Ends the cluster-manager at once (SIGKILL).
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill_manager(&mut self) -> Result<()> {
        self.manager.take().map_or(Ok(()), |process| process.kill().map(drop))
    }

    /// Adds a host and starts a node-manager on it.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn add_node(&self, name: &str) -> Result<Node> {
        self.add_node_with(name, "")
    }

    /// The same with more lines in the node-manager's config file.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn add_node_with(&self, name: &str, config: &str) -> Result<Node> {
        let host = self.lab.add_host(name)?;
        self.start_node(host, config)
    }

    /// Turns a host of the lab into a node.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start_node(&self, host: Host, config: &str) -> Result<Node> {
        let name = host.name().to_owned();
        self.start_node_as(&name, host, config)
    }

    /// The same under another name than the host's.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start_node_as(&self, name: &str, host: Host, config: &str) -> Result<Node> {
        let file = format!(
            "node = \"{name}\"\ncluster_manager = \"http://{}\"\ninsecure_plaintext = true\n{config}\n",
            self.api()
        );
        host.write("/etc/wgcni/node-manager.toml", &file)?;
        host.write(&format!("{DIRECTORY}/{CONFLIST}"), &conflist().to_string())?;
        let node = Node::new(host);
        node.start()?;
        Ok(node)
    }

    /// Attaches a new container to a node.
    ///
    /// # Errors
    /// When the name is taken or ADD fails.
    pub fn attach<'a>(&self, node: &'a Node, name: &str) -> Result<Container<'a>> {
        Container::attach(self, node, name, CONFLIST, &[])
    }

    /// Waits until every one of these nodes has all others as peers.
    ///
    /// # Errors
    /// When time is up.
    pub fn settle(&self, nodes: &[&Node]) -> Result<()> {
        for node in nodes {
            let what = format!("{} to have {} peers", node.name(), nodes.len() - 1);
            wait::until(&what, || {
                node.mesh_peers().is_ok_and(|peers| peers.len() == nodes.len() - 1)
            })?;
        }
        Ok(())
    }

    /// Calls a method of the cluster-manager.
    ///
    /// # Errors
    /// When it answers with an error.
    pub fn call(&self, method: &str, request: &Value) -> Result<Value> {
        let api = self.api();
        let mut stream = self.host.netns().within(|| TcpStream::connect(api))??;
        rpc::call(&mut stream, method, request)
    }

    /// Takes a node out of the cluster: out of the mesh, and its lease back.
    ///
    /// # Errors
    /// When the cluster-manager refuses.
    pub fn deregister(&self, node: &str) -> Result<()> {
        let request = json!({ "node": node });
        self.call("wgcni.wireguard.v1.WireguardService/DeregisterPeer", &request)?;
        self.call("wgcni.ipam.v1.IpamService/Release", &request)?;
        Ok(())
    }

    /// The cluster's prefixes, IPv4 first.
    ///
    /// # Errors
    /// When the cluster-manager does not answer.
    pub fn prefixes(&self) -> Result<Vec<String>> {
        let list = self.call("wgcni.ipam.v1.IpamService/List", &json!({}))?;
        let prefixes = list["cluster"]["prefixes"].as_array().context("no prefixes")?;
        Ok(prefixes.iter().filter_map(|prefix| prefix.as_str()).map(str::to_owned).collect())
    }

    /// Where the API listens.
    pub fn api(&self) -> SocketAddr {
        (self.host.v4(), API_PORT).into()
    }

    /// The lab below.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The cluster-manager's host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn command(&self) -> Result<Command> {
        let mut command = self.host.command(programs::find("cluster-manager")?)?;
        command.env("WGCNI_LISTEN", self.api().to_string());
        command.env("WGCNI_INSECURE_PLAINTEXT", "true");
        command.envs(self.variables.iter().copied());
        Ok(command)
    }
}

/// The network that every node has.
pub fn conflist() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "cniVersions": ["1.0.0", "1.1.0"],
        "name": "wgnet",
        "plugins": [{"type": "wireguard-cni"}],
    })
}
