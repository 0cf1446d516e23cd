//! The keys of the configuration.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use wgcni_daemon::logging::Format;
use wgcni_telemetry::otlp::Endpoint;

/// The keys as they are written: in the file, as flags, as variables.
#[derive(Debug, Default, Clone, Deserialize, clap::Args)]
pub struct Settings {
    /// Name of this node: a lower-case DNS label, unique in the cluster
    /// [else: as it joined; before that the first label of the host's name]
    ///
    /// A node that joined has its name from there: another one here is refused.
    #[arg(long, env = "WGCNI_NODE")]
    pub(super) node: Option<String>,
    /// Where the cluster-manager is: host:port, or several with commas
    /// [else: as the cluster-manager said when the node joined]
    ///
    /// Tried in this order, over mutual TLS: for a cluster-manager that moved. With
    /// `insecure_plaintext` instead `http://host:port`, by default `http://127.0.0.1:7400`.
    #[arg(long, env = "WGCNI_CLUSTER_MANAGER")]
    pub(super) cluster_manager: Option<String>,
    /// Speak plaintext with the cluster-manager: for tests [default: false]
    ///
    /// Also on loopback: no proof of who is who, and everything can be read and changed on the
    /// way. Status says so first. Refused on a node that joined.
    #[arg(long, env = "WGCNI_INSECURE_PLAINTEXT", num_args = 0..=1, default_missing_value = "true")]
    pub(super) insecure_plaintext: Option<bool>,
    /// Directory of keys, certificate, lease, last known peers and attachments
    /// [default: /var/lib/wgcni/node-manager]
    #[arg(long, env = "WGCNI_STATE_DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Directory of the sockets [default: /run/wgcni]
    #[arg(long, env = "WGCNI_RUN_DIR")]
    pub(super) run_dir: Option<PathBuf>,
    /// Where other nodes reach this one: address, or address:port behind a port mapping
    /// [else: the source address of packets to the cluster-manager]
    #[arg(long, env = "WGCNI_ENDPOINT")]
    pub(super) endpoint: Option<String>,
    /// Instead of `endpoint`: the first usable address of this interface
    #[arg(long, env = "WGCNI_ENDPOINT_INTERFACE")]
    pub(super) endpoint_interface: Option<String>,
    /// Instead of `endpoint`: the host's address inside this prefix
    #[arg(long, env = "WGCNI_ENDPOINT_PREFIX")]
    pub(super) endpoint_prefix: Option<String>,
    /// UDP port for the other nodes: open it to them [default: 51820]
    #[arg(long, env = "WGCNI_MESH_PORT")]
    pub(super) mesh_port: Option<u16>,
    /// UDP port for the containers, over loopback [default: 51819]
    ///
    /// Closed to the outside by a firewall rule.
    #[arg(long, env = "WGCNI_HUB_PORT")]
    pub(super) hub_port: Option<u16>,
    /// MTU of the network between the nodes, at least 1360 [else: the interface's]
    ///
    /// The mesh uses 80 less. Unless set, mesh and hub follow the interface's; containers keep
    /// what they started with.
    #[arg(long, env = "WGCNI_UNDERLAY_MTU")]
    pub(super) underlay_mtu: Option<u16>,
    /// Where WireGuard runs: auto, kernel or userspace [default: auto]
    ///
    /// With auto, the kind of the devices that are there; without any the kernel where it can,
    /// else user space. With kernel or userspace, that one or no start.
    #[arg(long, env = "WGCNI_WIREGUARD")]
    pub(super) wireguard: Option<String>,
    /// How long a container's address rests before another gets it, in seconds [default: 60]
    #[arg(long, env = "WGCNI_QUARANTINE_SECONDS")]
    pub(super) quarantine_seconds: Option<u32>,
    /// How long peers are kept that a cluster-manager which lost its state does not list, in
    /// seconds [default: 300]
    ///
    /// Or one whose state was restored from a backup: nodes register again within seconds.
    #[arg(long, env = "WGCNI_KEEP_PEERS_SECONDS")]
    pub(super) keep_peers_seconds: Option<u32>,
    /// How long a container must have been dead, without a DEL, before its attachment ends, in
    /// seconds [default: 300]
    #[arg(long, env = "WGCNI_RECLAIM_AFTER_SECONDS")]
    pub(super) reclaim_after_seconds: Option<u32>,
    /// How often everything is compared with the kernel, in seconds [default: 30]
    ///
    /// Changes are applied at once in any case.
    #[arg(long, env = "WGCNI_RESYNC_SECONDS")]
    pub(super) resync_seconds: Option<u32>,
    /// How long a node may answer nothing until it counts as silent, in seconds [default: 180]
    ///
    /// One to which packets go and from which nothing has come for so long is called silent and
    /// its tunnel repaired. For tests; looked at every `resync_seconds`.
    #[arg(long, env = "WGCNI_SILENT_SECONDS")]
    pub(super) silent_seconds: Option<u32>,
    /// Ports of this host that containers may reach [default: tcp/4646]
    ///
    /// Each tcp/PORT or udp/PORT. ICMP and replies are let through always.
    #[arg(long, env = "WGCNI_HOST_PORTS")]
    pub(super) host_ports: Option<Vec<String>>,
    /// Name servers for networks whose configuration has none [else: none]
    #[arg(long, env = "WGCNI_DNS_NAMESERVERS")]
    pub(super) dns_nameservers: Option<Vec<IpAddr>>,
    /// Address and port for metrics, by plain HTTP, e.g. 127.0.0.1:9465 [else: none]
    ///
    /// Besides the unix socket, which always has them, for root.
    #[arg(long, env = "WGCNI_METRICS_LISTEN")]
    pub(super) metrics_listen: Option<SocketAddr>,
    /// Most nodes of the cluster that have metrics of their own here [default: 256]
    ///
    /// With more of them none has, and only the totals are told.
    #[arg(long, env = "WGCNI_METRICS_PEERS")]
    pub(super) metrics_peers: Option<u32>,
    /// Whether each container has metrics of its own [default: false]
    #[arg(long, env = "WGCNI_METRICS_CONTAINERS", num_args = 0..=1, default_missing_value = "true")]
    pub(super) metrics_containers: Option<bool>,
    /// Collector that spans are sent to, by OTLP over HTTP, e.g. `http://127.0.0.1:4318`
    /// [else: none]
    #[arg(long, env = "WGCNI_OTLP_ENDPOINT")]
    pub(super) otlp_endpoint: Option<Endpoint>,
    /// What to log: a level, or a filter like info,hyper=warn
    /// [else: `RUST_LOG`, else `info,defguard_wireguard_rs=warn`]
    ///
    /// Levels are error, warn, info, debug and trace.
    #[arg(long, env = "WGCNI_LOG")]
    pub(super) log: Option<String>,
    /// How to log, to standard error: text or json [default: text]
    #[arg(long, env = "WGCNI_LOG_FORMAT")]
    pub(super) log_format: Option<Format>,
}
