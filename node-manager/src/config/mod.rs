//! Configuration: every key is optional, so that all mistakes are found in one go; what
//! leaves this module cannot be wrong.

mod reader;
mod settings;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use wgcni_daemon::config::{ConfigErrors, File, Flags, layered};
use wgcni_daemon::logging::Format;
use wgcni_dataplane::Preference;
use wgcni_dataplane::firewall::Protocol;
use wgcni_model::{Endpoint, IfName, NodeName, Prefix};
use wgcni_telemetry::otlp;

use reader::Reader;

pub use settings::Settings;

/// Where the configuration is unless `--config` names another file.
pub const DEFAULT_FILE: &str = "/etc/wgcni/node-manager.toml";

/// A port of the host, e.g. `tcp/4646`.
pub type HostPort = (Protocol, u16);

/// How the endpoint is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointSource {
    /// It is known.
    Given(Endpoint),
    /// The first usable address of an interface.
    Interface(IfName),
    /// The host's address inside a prefix.
    Prefix(Prefix),
    /// The source address of packets to the cluster-manager.
    Route,
}

/// The configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this node, where it is configured.
    pub node: Option<NodeName>,
    /// The host's name, where it can be a node's.
    pub hostname: Option<NodeName>,
    /// Where the cluster-manager is, `host:port`, best first; none: where the member's file
    /// says.
    pub managers: Vec<String>,
    /// Whether everything to and from the cluster-manager may be read and changed on the way.
    pub plaintext: bool,
    /// Directory of keys, lease, peers and attachments.
    pub state_dir: PathBuf,
    /// Directory of the sockets.
    pub run_dir: PathBuf,
    /// How the endpoint is found.
    pub endpoint: EndpointSource,
    /// UDP port for the other nodes.
    pub mesh_port: u16,
    /// UDP port for the containers.
    pub hub_port: u16,
    /// MTU of the network between the nodes, where the operator knows better.
    pub underlay_mtu: Option<u16>,
    /// Where WireGuard runs.
    pub wireguard: Preference,
    /// How long a released address rests.
    pub quarantine: Duration,
    /// How long peers are kept that a cluster-manager without memory does not list.
    pub keep_peers: Duration,
    /// How long a container must have been dead before its attachment is taken away.
    pub reclaim_after: Duration,
    /// Time between two full passes.
    pub resync: Duration,
    /// How long a node may answer nothing until it counts as silent.
    pub silent: Duration,
    /// Ports of this host that containers may reach.
    pub host_ports: Vec<HostPort>,
    /// Name servers for networks that configure none.
    pub dns_nameservers: Vec<IpAddr>,
    /// Where metrics are served, besides the socket.
    pub metrics_listen: Option<SocketAddr>,
    /// Most nodes that have metrics of their own.
    pub metrics_peers: usize,
    /// Whether each container has metrics of its own.
    pub metrics_containers: bool,
    /// Where spans are sent.
    pub otlp_endpoint: Option<otlp::Endpoint>,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: Format,
}

impl Config {
    /// Reads the layers.
    ///
    /// # Errors
    /// All mistakes.
    pub fn load(file: Option<PathBuf>, flags: &Flags<Settings>) -> Result<Self, ConfigErrors> {
        let layers = layered::<Settings>(&File::named_or(file, DEFAULT_FILE), flags);
        Reader { layers }.read()
    }

    /// The socket that the plugin calls.
    pub fn node_socket(&self) -> PathBuf {
        self.run_dir.join("node.sock")
    }

    /// The control socket of the tunnels process.
    pub fn tunnels_socket(&self) -> PathBuf {
        self.run_dir.join("tunnels.sock")
    }
}

#[cfg(test)]
mod tests;
