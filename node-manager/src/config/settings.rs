//! The keys of the configuration.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use wgcni_daemon::logging::Format;

/// The keys as they are written: in the file, as flags, as variables.
#[derive(Debug, Default, Clone, Deserialize, clap::Args)]
pub struct Settings {
    /// Name of this node; default: as it joined, before that the host's name.
    #[arg(long, env = "WGCNI_NODE")]
    pub(super) node: Option<String>,
    /// Where the cluster-manager is, host:port, more of them with commas; default: as it said
    /// when the node joined. With `insecure_plaintext`: `http://host:port`.
    #[arg(long, env = "WGCNI_CLUSTER_MANAGER")]
    pub(super) cluster_manager: Option<String>,
    /// Talk to the cluster-manager without encryption, and without proof of who is who.
    #[arg(long, env = "WGCNI_INSECURE_PLAINTEXT", num_args = 0..=1, default_missing_value = "true")]
    pub(super) insecure_plaintext: Option<bool>,
    /// Directory of keys, lease, peers and attachments.
    #[arg(long, env = "WGCNI_STATE_DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Directory of the sockets.
    #[arg(long, env = "WGCNI_RUN_DIR")]
    pub(super) run_dir: Option<PathBuf>,
    /// Where other nodes reach this one: address or address:port.
    #[arg(long, env = "WGCNI_ENDPOINT")]
    pub(super) endpoint: Option<String>,
    /// Interface whose first address is the endpoint.
    #[arg(long, env = "WGCNI_ENDPOINT_INTERFACE")]
    pub(super) endpoint_interface: Option<String>,
    /// Prefix in which the host's address is the endpoint.
    #[arg(long, env = "WGCNI_ENDPOINT_PREFIX")]
    pub(super) endpoint_prefix: Option<String>,
    /// UDP port for the other nodes.
    #[arg(long, env = "WGCNI_MESH_PORT")]
    pub(super) mesh_port: Option<u16>,
    /// UDP port on the loopback for the containers.
    #[arg(long, env = "WGCNI_HUB_PORT")]
    pub(super) hub_port: Option<u16>,
    /// MTU of the network between the nodes; default: the interface's.
    #[arg(long, env = "WGCNI_UNDERLAY_MTU")]
    pub(super) underlay_mtu: Option<u16>,
    /// Where WireGuard runs: auto, kernel or userspace.
    #[arg(long, env = "WGCNI_WIREGUARD")]
    pub(super) wireguard: Option<String>,
    /// How long a released address rests.
    #[arg(long, env = "WGCNI_QUARANTINE_SECONDS")]
    pub(super) quarantine_seconds: Option<u32>,
    /// How long peers are kept that a cluster-manager which lost its state does not list.
    #[arg(long, env = "WGCNI_KEEP_PEERS_SECONDS")]
    pub(super) keep_peers_seconds: Option<u32>,
    /// How long a container must have been dead, without a DEL, before its attachment ends.
    #[arg(long, env = "WGCNI_RECLAIM_AFTER_SECONDS")]
    pub(super) reclaim_after_seconds: Option<u32>,
    /// How often everything is compared with the kernel.
    #[arg(long, env = "WGCNI_RESYNC_SECONDS")]
    pub(super) resync_seconds: Option<u32>,
    /// How long a node may answer nothing until it counts as silent.
    #[arg(long, env = "WGCNI_SILENT_SECONDS")]
    pub(super) silent_seconds: Option<u32>,
    /// Ports of this host that containers may reach, e.g. tcp/4646.
    #[arg(long, env = "WGCNI_HOST_PORTS")]
    pub(super) host_ports: Option<Vec<String>>,
    /// Name servers for networks that configure none.
    #[arg(long, env = "WGCNI_DNS_NAMESERVERS")]
    pub(super) dns_nameservers: Option<Vec<IpAddr>>,
    /// What is logged: a level, or a filter like info,hyper=warn.
    #[arg(long, env = "WGCNI_LOG")]
    pub(super) log: Option<String>,
    /// How it is logged: text or json.
    #[arg(long, env = "WGCNI_LOG_FORMAT")]
    pub(super) log_format: Option<Format>,
}
