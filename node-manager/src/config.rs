//! Configuration: every key is optional, so that all mistakes are found in one go; what
//! leaves this module cannot be wrong.

use std::fmt::Display;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use serde::Deserialize;
use wgcni_daemon::config::{ConfigErrors, File, Flags, Layered, layered};
use wgcni_daemon::logging::Format;
use wgcni_dataplane::Preference;
use wgcni_dataplane::firewall::Protocol;
use wgcni_model::{Endpoint, IfName, NodeName, Prefix};

/// Where the configuration is unless `--config` names another file.
pub const DEFAULT_FILE: &str = "/etc/wgcni/node-manager.toml";

/// What is logged by default. The WireGuard library tells of every peer at `info`, and so
/// do we, in one line less.
const DEFAULT_LOG: &str = "info,defguard_wireguard_rs=warn";

/// The keys as they are written: in the file, as flags, as variables.
#[derive(Debug, Default, Clone, Deserialize, clap::Args)]
pub struct Settings {
    /// Name of this node; default: the host's name.
    #[arg(long, env = "WGCNI_NODE")]
    node: Option<String>,
    /// Address of the cluster-manager.
    #[arg(long, env = "WGCNI_CLUSTER_MANAGER")]
    cluster_manager: Option<String>,
    /// Talk to a cluster-manager on another machine without encryption.
    #[arg(long, env = "WGCNI_INSECURE_PLAINTEXT", num_args = 0..=1, default_missing_value = "true")]
    insecure_plaintext: Option<bool>,
    /// Directory of keys, lease, peers and attachments.
    #[arg(long, env = "WGCNI_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Directory of the sockets.
    #[arg(long, env = "WGCNI_RUN_DIR")]
    run_dir: Option<PathBuf>,
    /// Where other nodes reach this one: address or address:port.
    #[arg(long, env = "WGCNI_ENDPOINT")]
    endpoint: Option<String>,
    /// Interface whose first address is the endpoint.
    #[arg(long, env = "WGCNI_ENDPOINT_INTERFACE")]
    endpoint_interface: Option<String>,
    /// Prefix in which the host's address is the endpoint.
    #[arg(long, env = "WGCNI_ENDPOINT_PREFIX")]
    endpoint_prefix: Option<String>,
    /// UDP port for the other nodes.
    #[arg(long, env = "WGCNI_MESH_PORT")]
    mesh_port: Option<u16>,
    /// UDP port on the loopback for the containers.
    #[arg(long, env = "WGCNI_HUB_PORT")]
    hub_port: Option<u16>,
    /// MTU of the network between the nodes; default: the interface's.
    #[arg(long, env = "WGCNI_UNDERLAY_MTU")]
    underlay_mtu: Option<u16>,
    /// Where WireGuard runs: auto, kernel or userspace.
    #[arg(long, env = "WGCNI_WIREGUARD")]
    wireguard: Option<String>,
    /// How long a released address rests.
    #[arg(long, env = "WGCNI_QUARANTINE_SECONDS")]
    quarantine_seconds: Option<u32>,
    /// How often everything is compared with the kernel.
    #[arg(long, env = "WGCNI_RESYNC_SECONDS")]
    resync_seconds: Option<u32>,
    /// Ports of this host that containers may reach, e.g. tcp/4646.
    #[arg(long, env = "WGCNI_HOST_PORTS")]
    host_ports: Option<Vec<String>>,
    /// Name servers for networks that configure none.
    #[arg(long, env = "WGCNI_DNS_NAMESERVERS")]
    dns_nameservers: Option<Vec<IpAddr>>,
    /// What is logged: a level, or a filter like info,hyper=warn.
    #[arg(long, env = "WGCNI_LOG")]
    log: Option<String>,
    /// How it is logged: text or json.
    #[arg(long, env = "WGCNI_LOG_FORMAT")]
    log_format: Option<Format>,
}

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
    /// Name of this node.
    pub node: NodeName,
    /// Address of the cluster-manager.
    pub cluster_manager: Uri,
    /// Whether what goes to the cluster-manager may be read on the way.
    pub insecure: bool,
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
    /// Time between two full passes.
    pub resync: Duration,
    /// Ports of this host that containers may reach.
    pub host_ports: Vec<HostPort>,
    /// Name servers for networks that configure none.
    pub dns_nameservers: Vec<IpAddr>,
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

/// Turns texts into values and keeps the mistakes.
struct Reader {
    layers: Layered<Settings>,
}

impl Reader {
    fn read(mut self) -> Result<Config, ConfigErrors> {
        let settings = self.layers.settings.clone();
        let node = self.node(settings.node.as_deref());
        let cluster_manager = self.cluster_manager(settings.cluster_manager.as_deref());
        let insecure = self.insecure(cluster_manager.as_ref());
        let mesh_port = self.port("mesh_port", settings.mesh_port, 51820);
        let hub_port = self.port("hub_port", settings.hub_port, 51819);
        if mesh_port == hub_port {
            self.layers.reject("hub_port", "is the same as mesh_port");
        }
        let endpoint = self.endpoint(mesh_port);
        let underlay_mtu = self.mtu(settings.underlay_mtu);
        let wireguard = self.wireguard(settings.wireguard.as_deref());
        let host_ports = self.host_ports(settings.host_ports.as_deref());
        let resync = self.seconds("resync_seconds", settings.resync_seconds, 30, 1);
        let quarantine = self.seconds("quarantine_seconds", settings.quarantine_seconds, 60, 0);
        let settings = self.layers.finish()?;
        // A value that is missing here was rejected above, and `finish` returned it.
        let (Some(node), Some(cluster_manager)) = (node, cluster_manager) else {
            return Err(ConfigErrors(Vec::new()));
        };
        let directory = |given: Option<PathBuf>, default: &str| given.unwrap_or(default.into());
        Ok(Config {
            node,
            cluster_manager,
            insecure,
            state_dir: directory(settings.state_dir, "/var/lib/wgcni/node-manager"),
            run_dir: directory(settings.run_dir, "/run/wgcni"),
            endpoint,
            mesh_port,
            hub_port,
            underlay_mtu,
            wireguard,
            quarantine,
            resync,
            host_ports,
            dns_nameservers: settings.dns_nameservers.unwrap_or_default(),
            log: settings.log.unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            log_format: settings.log_format.unwrap_or_default(),
        })
    }

    fn node(&mut self, given: Option<&str>) -> Option<NodeName> {
        let name = given.map_or_else(hostname, str::to_owned);
        self.value("node", &name)
    }

    fn cluster_manager(&mut self, given: Option<&str>) -> Option<Uri> {
        let uri: Uri = self.value("cluster_manager", given.unwrap_or("http://127.0.0.1:7400"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() || uri.port().is_none() {
            self.layers.reject("cluster_manager", "must be http://host:port");
            return None;
        }
        Some(uri)
    }

    /// Whether the connection is insecure; a mistake unless that was asked for.
    fn insecure(&mut self, uri: Option<&Uri>) -> bool {
        let insecure = uri.is_some_and(|uri| !is_loopback(uri));
        if insecure && self.layers.settings.insecure_plaintext != Some(true) {
            let why = "is not on the loopback, and what goes there can be read on the way: \
                       set insecure_plaintext = true to do it anyway";
            self.layers.reject("cluster_manager", why);
        }
        insecure
    }

    fn port(&mut self, key: &str, given: Option<u16>, default: u16) -> u16 {
        if given == Some(0) {
            self.layers.reject(key, "must not be 0");
        }
        given.unwrap_or(default)
    }

    fn endpoint(&mut self, port: u16) -> EndpointSource {
        let s = self.layers.settings.clone();
        let keys = [
            ("endpoint", s.endpoint.is_some()),
            ("endpoint_interface", s.endpoint_interface.is_some()),
            ("endpoint_prefix", s.endpoint_prefix.is_some()),
        ];
        let given: Vec<_> = keys.into_iter().filter(|(_, given)| *given).collect();
        if let [(first, _), (second, _), ..] = given.as_slice() {
            self.layers.reject(second, format!("excludes {first}"));
        }
        let source = if let Some(text) = s.endpoint {
            let text =
                text.parse::<IpAddr>().map_or(text, |ip| SocketAddr::new(ip, port).to_string());
            self.value("endpoint", &text).map(EndpointSource::Given)
        } else if let Some(name) = s.endpoint_interface {
            self.value("endpoint_interface", &name).map(EndpointSource::Interface)
        } else if let Some(prefix) = s.endpoint_prefix {
            self.value("endpoint_prefix", &prefix).map(EndpointSource::Prefix)
        } else {
            None
        };
        source.unwrap_or(EndpointSource::Route)
    }

    fn mtu(&mut self, given: Option<u16>) -> Option<u16> {
        // Below this the mesh could not carry IPv6 (RFC 8200, section 5: 1280).
        if given.is_some_and(|mtu| mtu < 1360) {
            self.layers.reject("underlay_mtu", "must be at least 1360");
        }
        given
    }

    fn seconds(&mut self, key: &str, given: Option<u32>, default: u32, least: u32) -> Duration {
        let seconds = given.unwrap_or(default);
        if seconds < least {
            self.layers.reject(key, format!("must be at least {least}"));
        }
        Duration::from_secs(seconds.into())
    }

    fn host_ports(&mut self, given: Option<&[String]>) -> Vec<HostPort> {
        let default = ["tcp/4646".to_owned()];
        let texts = given.unwrap_or(&default);
        texts.iter().filter_map(|text| self.host_port(text)).collect()
    }

    fn host_port(&mut self, text: &str) -> Option<HostPort> {
        let (protocol, port) = text.split_once('/').unwrap_or_default();
        let protocol = match protocol {
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            _ => None,
        };
        let found = protocol.zip(port.parse().ok().filter(|port| *port != 0));
        if found.is_none() {
            let text = text.escape_debug();
            self.layers.reject("host_ports", format!("\"{text}\" is not tcp/PORT or udp/PORT"));
        }
        found
    }

    fn wireguard(&mut self, given: Option<&str>) -> Preference {
        match given {
            None | Some("auto") => Preference::Auto,
            Some("kernel") => Preference::Kernel,
            Some("userspace") => Preference::Userspace,
            Some(_) => {
                self.layers.reject("wireguard", "must be auto, kernel or userspace");
                Preference::Auto
            }
        }
    }

    fn value<T: FromStr<Err: Display>>(&mut self, key: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.layers.reject(key, error);
                None
            }
        }
    }
}

/// The first label of the host's name.
fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_lowercase()
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |ip| ip.is_loopback())
}
