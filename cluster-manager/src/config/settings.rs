//! The keys of the file, the flags and the variables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wgcni_daemon::logging::Format;
use wgcni_model::{ClusterId, Prefix};
use wgcni_telemetry::otlp::Endpoint;

pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 7400);
pub(super) const JOIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 7401);
pub(super) const SOCKET: &str = "/run/wgcni/cluster-manager.sock";
pub(super) const STATE_DIR: &str = "/var/lib/wgcni/cluster-manager";
pub(super) const WHITELIST_DIR: &str = "/etc/wgcni/whitelisted-keys";
pub(super) const PREFIX_V4: &str = "10.64.0.0/12";

/// The keys of the file, the flags and the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct Settings {
    /// Identity of the cluster: 32 lower-case hexadecimal digits [init: random]
    ///
    /// Part of every mark that nodes put on what is theirs. Never changes.
    #[arg(long, env = "WGCNI_CLUSTER_ID")]
    pub cluster_id: Option<ClusterId>,
    /// Address and port for members, by mutual TLS [default: 0.0.0.0:7400]
    ///
    /// Open it to nodes and operators.
    #[arg(long, env = "WGCNI_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Address and port for whoever joins, and for the REST interface [default: 0.0.0.0:7401]
    ///
    /// Open it to new nodes, and to what reads the one-time security key over REST.
    #[arg(long, env = "WGCNI_JOIN_LISTEN")]
    pub join_listen: Option<SocketAddr>,
    /// Hosts under which both are reached, best first [init: the address of the default route]
    ///
    /// Addresses or names, at most 8: they are in join strings, in the server's certificate,
    /// and what members connect to. Empty: the address that is listened on.
    #[arg(long, env = "WGCNI_ADVERTISE", value_delimiter = ',', action = clap::ArgAction::Append)]
    pub advertise: Option<Vec<String>>,
    /// Unix socket for root on this machine [default: /run/wgcni/cluster-manager.sock]
    ///
    /// wgcni uses it there. A symbolic link at that place is followed.
    #[arg(long, env = "WGCNI_SOCKET")]
    pub socket: Option<PathBuf>,
    /// Serve plaintext to everybody instead of members only: for tests [default: false]
    ///
    /// Serves leases and peers on `listen` to everybody, unencrypted, and lets nobody join.
    /// Wanted on loopback, too; refused for ever once somebody has joined.
    #[arg(long, env = "WGCNI_INSECURE_PLAINTEXT", num_args = 0..=1, default_missing_value = "true")]
    pub insecure_plaintext: Option<bool>,
    /// Directory of keys and store [default: /var/lib/wgcni/cluster-manager]
    ///
    /// The CA's key and certificate, the security keys' secret, and all records; mode 0700.
    #[arg(long, env = "WGCNI_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Directory of files NAME.pub, each with the public key of a node that may join
    /// [default: /etc/wgcni/whitelisted-keys]
    #[arg(long, env = "WGCNI_WHITELIST_DIR")]
    pub whitelist_dir: Option<PathBuf>,
    /// Where nodes may say that they are reached, besides the address that they call from
    /// [else: nowhere]
    ///
    /// Prefixes. Needed where `endpoint` of a node is another address.
    #[arg(long, env = "WGCNI_ENDPOINT_CIDRS", value_delimiter = ',', action = clap::ArgAction::Append)]
    pub endpoint_cidrs: Option<Vec<Prefix>>,
    /// IPv4 prefix of the cluster, or "none" [default: 10.64.0.0/12]
    #[arg(long, env = "WGCNI_PREFIX_V4")]
    pub prefix_v4: Option<String>,
    /// IPv6 prefix of the cluster, or "none" [init: a random ULA /48] [default: none]
    #[arg(long, env = "WGCNI_PREFIX_V6")]
    pub prefix_v6: Option<String>,
    /// Length of a node's IPv4 prefix [default: 24]
    ///
    /// A /24 in a /12: 4096 nodes of 253 containers.
    #[arg(long, env = "WGCNI_LEASE_LENGTH_V4")]
    pub lease_length_v4: Option<u8>,
    /// Length of a node's IPv6 prefix [default: 64]
    #[arg(long, env = "WGCNI_LEASE_LENGTH_V6")]
    pub lease_length_v6: Option<u8>,
    /// How long a released lease rests before another node gets it, in seconds [default: 60]
    #[arg(long, env = "WGCNI_QUARANTINE_SECONDS")]
    pub quarantine_seconds: Option<u32>,
    /// How long a node must be silent before another key may take its name, in seconds
    /// [default: 30]
    ///
    /// Nodes show signs of life every 10 to 15 s. This is of clusters in plaintext alone: a
    /// member's name is free after `wgcni node remove`.
    #[arg(long, env = "WGCNI_TAKEOVER_SECONDS")]
    pub takeover_seconds: Option<u32>,
    /// How often a silent stream of peers shows that it is alive, in seconds [default: 10]
    #[arg(long, env = "WGCNI_HEARTBEAT_SECONDS")]
    pub heartbeat_seconds: Option<u32>,
    /// Address and port for metrics, by plain HTTP, e.g. 127.0.0.1:9464 [else: none]
    ///
    /// Besides the unix socket, which always has them, for root.
    #[arg(long, env = "WGCNI_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// Collector that spans are sent to, by OTLP over HTTP, e.g. `http://127.0.0.1:4318`
    /// [else: none]
    #[arg(long, env = "WGCNI_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Endpoint>,
    /// What to log: a level, or a filter like info,hyper=warn [else: `RUST_LOG`, else `info`]
    ///
    /// Levels are error, warn, info, debug and trace.
    #[arg(long, env = "WGCNI_LOG")]
    pub log: Option<String>,
    /// How to log, to standard error: text or json [default: text]
    #[arg(long, env = "WGCNI_LOG_FORMAT")]
    pub log_format: Option<Format>,
}

impl Settings {
    /// Fills in what a new cluster needs and nobody chose. `random` is 16 bytes for its
    /// id and 5 for its IPv6 prefix (RFC 4193, section 3.2).
    pub fn complete(&mut self, random: ([u8; 16], [u8; 5])) {
        self.cluster_id.get_or_insert_with(|| ClusterId::from_random(random.0));
        self.listen.get_or_insert(LISTEN);
        self.join_listen.get_or_insert(JOIN_LISTEN);
        self.advertise.get_or_insert_default();
        self.socket.get_or_insert_with(|| SOCKET.into());
        self.insecure_plaintext.get_or_insert(false);
        self.state_dir.get_or_insert_with(|| STATE_DIR.into());
        self.whitelist_dir.get_or_insert_with(|| WHITELIST_DIR.into());
        self.endpoint_cidrs.get_or_insert_default();
        self.prefix_v4.get_or_insert_with(|| PREFIX_V4.to_owned());
        self.prefix_v6.get_or_insert_with(|| default_prefix_v6(random.1));
        self.lease_length_v4.get_or_insert(24);
        self.lease_length_v6.get_or_insert(64);
        self.quarantine_seconds.get_or_insert(60);
        self.takeover_seconds.get_or_insert(30);
        self.heartbeat_seconds.get_or_insert(10);
        self.log_format.get_or_insert_default();
    }
}

/// A ULA prefix (RFC 4193) of a global id.
fn default_prefix_v6(global_id: [u8; 5]) -> String {
    let mut octets = [0; 16];
    octets[0] = 0xfd;
    octets[1..6].copy_from_slice(&global_id);
    format!("{}/48", Ipv6Addr::from(octets))
}
