//! The real programs on the hosts of a lab: one cluster-manager, and nodes.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cni::DIRECTORY;
use crate::command::{checked, fed};
use crate::container::Container;
use crate::host::Host;
use crate::lab::Lab;
use crate::metrics::Page;
use crate::node::Node;
use crate::process::Process;
use crate::{programs, rpc, wait};

/// Port of the cluster-manager's API.
pub const API_PORT: u16 = 7400;

/// Port that nodes join at.
pub const JOIN_PORT: u16 = 7401;

/// Where root on the cluster-manager's host calls it.
const SOCKET: &str = "/run/wgcni/cluster-manager.sock";

/// How nodes and cluster-manager speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By TLS, with identities.
    Tls,
    /// In the clear, as it was before there were identities.
    Plaintext,
}

/// File name of the conflist that every node has.
pub const CONFLIST: &str = "10-wgnet.conflist";

/// A lab with a running cluster-manager.
#[derive(Debug)]
pub struct Cluster {
    manager: Option<Process>,
    channel: Channel,
    operator: String,
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
        Self::over(Channel::Tls, variables)
    }

    /// A cluster without identities, and with more variables for the cluster-manager.
    ///
    /// # Errors
    /// When a program is missing or does not get ready.
    pub fn plaintext(variables: &[(&'static str, &'static str)]) -> Result<Self> {
        Self::over(Channel::Plaintext, variables)
    }

    fn over(channel: Channel, variables: &[(&'static str, &'static str)]) -> Result<Self> {
        for program in ["cluster-manager", "node-manager", "wireguard-cni"] {
            programs::find(program)?;
        }
        let lab = Lab::new()?;
        let host = lab.add_host("manager")?;
        let (variables, operator) = (variables.to_vec(), String::new());
        let mut cluster = Self { manager: None, channel, operator, variables, host, lab };
        let printed = checked(cluster.command()?.args(["init", "--non-interactive"]))?;
        printed.trim().clone_into(&mut cluster.operator);
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
            matches!(answer, Ok(Ok(_))) && UnixStream::connect(self.host.path(SOCKET)).is_ok()
        })?;
        self.manager = Some(process);
        Ok(())
    }

    /// Whether the cluster-manager was started and has ended since, or was never started.
    pub fn manager_is_down(&mut self) -> bool {
        self.manager.as_mut().is_none_or(Process::has_ended)
    }

    /// The cluster-manager's process id, while it runs.
    pub fn manager_id(&self) -> Option<u32> {
        self.manager.as_ref().map(Process::id)
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
        let node = self.prepare_node(name, host, config)?;
        if self.channel == Channel::Tls {
            node.join(&self.ticket(name)?)?;
        }
        node.start()?;
        Ok(node)
    }

    /// A node that neither joined nor runs yet.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn prepare_node(&self, name: &str, host: Host, config: &str) -> Result<Node> {
        let to = match self.channel {
            Channel::Tls => String::new(),
            Channel::Plaintext => {
                let api = self.api();
                format!("cluster_manager = \"http://{api}\"\ninsecure_plaintext = true\n")
            }
        };
        let file = format!("node = \"{name}\"\n{to}{config}\n");
        host.write("/etc/wgcni/node-manager.toml", &file)?;
        host.write(&format!("{DIRECTORY}/{CONFLIST}"), &conflist().to_string())?;
        Ok(Node::new(host))
    }

    /// Makes a ticket for one node; its join string.
    ///
    /// # Errors
    /// When the cluster-manager refuses.
    pub fn ticket(&self, name: &str) -> Result<String> {
        self.ticket_as(&json!({ "name": name }))
    }

    /// Makes a ticket as a request says; its join string.
    ///
    /// # Errors
    /// When the cluster-manager refuses.
    pub fn ticket_as(&self, request: &Value) -> Result<String> {
        let made = self.call("wgcni.admin.v1.AdminService/CreateTicket", request)?;
        Ok(made["join"].as_str().context("no join string")?.to_owned())
    }

    /// Runs `wgcni` as root on the cluster-manager's host; what it printed.
    ///
    /// # Errors
    /// When it does not end with 0; with what it said.
    pub fn wgcni(&self, arguments: &[&str], input: &str) -> Result<String> {
        self.wgcni_on(&self.host, arguments, input)
    }

    /// The same on another host.
    ///
    /// # Errors
    /// When it does not end with 0; with what it said.
    pub fn wgcni_on(&self, host: &Host, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = host.command(programs::find("wgcni")?)?;
        command.env("WGCNI_HOME", "/var/lib/wgcni/operator");
        let done = fed(command.args(arguments), input.as_bytes())?;
        let said = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        ensure!(done.status.success(), "wgcni {}: {}", arguments.join(" "), said.concat());
        Ok(said[0].clone().into_owned())
    }

    /// The join string that `init` printed, for the first operator.
    pub fn operator(&self) -> &str {
        &self.operator
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

    /// Calls a method of the cluster-manager: as root on its host, or over its API where
    /// that is in the clear.
    ///
    /// # Errors
    /// When it answers with an error.
    pub fn call(&self, method: &str, request: &Value) -> Result<Value> {
        match self.channel {
            Channel::Tls => self.call_as_root(method, request),
            Channel::Plaintext => {
                let api = self.api();
                let mut stream = self.host.netns().within(|| TcpStream::connect(api))??;
                rpc::call(&mut stream, method, request)
            }
        }
    }

    /// Calls a method of the cluster-manager as root on its host.
    ///
    /// # Errors
    /// When it answers with an error.
    pub fn call_as_root(&self, method: &str, request: &Value) -> Result<Value> {
        let mut stream = UnixStream::connect(self.host.path(SOCKET))?;
        rpc::call(&mut stream, method, request)
    }

    /// What the cluster-manager says of itself in numbers, to root.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metrics(&self) -> Result<Page> {
        Page::get(&mut UnixStream::connect(self.host.path(SOCKET))?)
    }

    /// Takes a node out of the cluster: out of the mesh, and its lease back; with
    /// identities it is removed.
    ///
    /// # Errors
    /// When the cluster-manager refuses.
    pub fn deregister(&self, node: &str) -> Result<()> {
        if self.channel == Channel::Tls {
            return self.remove(node);
        }
        let request = json!({ "node": node });
        self.call("wgcni.wireguard.v1.WireguardService/DeregisterPeer", &request)?;
        self.call("wgcni.ipam.v1.IpamService/Release", &request)?;
        Ok(())
    }

    /// Removes a node, as an operator would.
    ///
    /// # Errors
    /// When the cluster-manager refuses.
    pub fn remove(&self, node: &str) -> Result<()> {
        self.call_as_root("wgcni.admin.v1.AdminService/RemoveMember", &json!({ "name": node }))?;
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

    /// Where nodes join.
    pub fn join_api(&self) -> SocketAddr {
        (self.host.v4(), JOIN_PORT).into()
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
        match self.channel {
            Channel::Tls => {
                command.env("WGCNI_JOIN_LISTEN", self.join_api().to_string());
                command.env("WGCNI_ADVERTISE", self.host.v4().to_string());
            }
            Channel::Plaintext => {
                command.env("WGCNI_INSECURE_PLAINTEXT", "true");
            }
        }
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
