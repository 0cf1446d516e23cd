//! From texts to values, with all mistakes.

use std::fmt::Display;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use wgcni_daemon::config::{ConfigErrors, Layered};
use wgcni_daemon::logging;
use wgcni_dataplane::Preference;
use wgcni_dataplane::firewall::Protocol;

use super::{Config, EndpointSource, HostPort, Settings};

/// What is logged by default. The WireGuard library tells of every peer at `info`, and so
/// do we, in one line less.
const DEFAULT_LOG: &str = "info,defguard_wireguard_rs=warn";

/// Nodes with metrics of their own: their product over a whole cluster is what somebody has
/// to store.
const METRICS_PEERS: u32 = 256;

/// Where the cluster-manager is when only plaintext was asked for.
const PLAINTEXT: &str = "127.0.0.1:7400";

/// Turns texts into values and keeps the mistakes.
pub(super) struct Reader {
    pub(super) layers: Layered<Settings>,
}

impl Reader {
    pub(super) fn read(mut self) -> Result<Config, ConfigErrors> {
        let settings = self.layers.settings.clone();
        let node = settings.node.as_deref().and_then(|name| self.value("node", name));
        let (managers, plaintext) = self.managers();
        let mesh_port = self.port("mesh_port", settings.mesh_port, 51820);
        let hub_port = self.hub_port(settings.hub_port, mesh_port);
        let endpoint = self.endpoint(mesh_port);
        let underlay_mtu = self.mtu(settings.underlay_mtu);
        let wireguard = self.wireguard(settings.wireguard.as_deref());
        let host_ports = self.host_ports(settings.host_ports.as_deref());
        let resync = self.seconds("resync_seconds", settings.resync_seconds, 30, 1);
        let silent = self.seconds("silent_seconds", settings.silent_seconds, 180, 1);
        let quarantine = self.seconds("quarantine_seconds", settings.quarantine_seconds, 60, 0);
        let keep_peers = self.seconds("keep_peers_seconds", settings.keep_peers_seconds, 300, 0);
        let reclaim_after = settings.reclaim_after_seconds;
        let reclaim_after = self.seconds("reclaim_after_seconds", reclaim_after, 300, 1);
        let settings = self.layers.finish()?;
        let directory = |given: Option<PathBuf>, default: &str| given.unwrap_or(default.into());
        Ok(Config {
            node,
            hostname: hostname().parse().ok(),
            managers,
            plaintext,
            state_dir: directory(settings.state_dir, "/var/lib/wgcni/node-manager"),
            run_dir: directory(settings.run_dir, "/run/wgcni"),
            endpoint,
            mesh_port,
            hub_port,
            underlay_mtu,
            wireguard,
            quarantine,
            keep_peers,
            reclaim_after,
            resync,
            silent,
            host_ports,
            dns_nameservers: settings.dns_nameservers.unwrap_or_default(),
            metrics_listen: settings.metrics_listen,
            metrics_peers: settings.metrics_peers.unwrap_or(METRICS_PEERS) as usize,
            metrics_containers: settings.metrics_containers.unwrap_or(false),
            otlp_endpoint: settings.otlp_endpoint,
            log: logging::filter(settings.log, DEFAULT_LOG),
            log_format: settings.log_format.unwrap_or_default(),
        })
    }

    /// Where the cluster-manager is, and whether the way there is plaintext: that must be
    /// asked for by name.
    fn managers(&mut self) -> (Vec<String>, bool) {
        let given = self.layers.settings.cluster_manager.clone();
        let insecure = self.layers.settings.insecure_plaintext == Some(true);
        let Some(given) = given else {
            let default = insecure.then(|| PLAINTEXT.to_owned());
            return (default.into_iter().collect(), insecure);
        };
        if given.contains("://") {
            return (self.plaintext(&given, insecure).into_iter().collect(), true);
        }
        let list: Vec<String> = given.split(',').map(|item| item.trim().to_owned()).collect();
        if insecure {
            let why = "is for http://host:port; addresses without it are reached over TLS";
            self.layers.reject("insecure_plaintext", why);
        }
        if !list.iter().all(|item| is_address(item)) {
            self.layers.reject("cluster_manager", "must be host:port, or more of them with commas");
        }
        (list, false)
    }

    fn plaintext(&mut self, given: &str, asked_for: bool) -> Option<String> {
        let uri: Uri = self.value("cluster_manager", given)?;
        let address = uri.authority().map(ToString::to_string).unwrap_or_default();
        if uri.scheme_str() != Some("http") || !is_address(&address) {
            self.layers.reject("cluster_manager", "must be host:port, or http://host:port");
        } else if !asked_for {
            let why = "can be read and changed on the way: join the cluster with \
                       `node-manager join` instead, or set insecure_plaintext = true to do it \
                       anyway";
            self.layers.reject("cluster_manager", why);
        }
        Some(address)
    }

    fn port(&mut self, key: &str, given: Option<u16>, default: u16) -> u16 {
        if given == Some(0) {
            self.layers.reject(key, "must not be 0");
        }
        given.unwrap_or(default)
    }

    fn hub_port(&mut self, given: Option<u16>, mesh_port: u16) -> u16 {
        let port = self.port("hub_port", given, 51819);
        if port == mesh_port {
            self.layers.reject("hub_port", "is the same as mesh_port");
        }
        port
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

/// Whether it is `host:port`.
fn is_address(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or_default();
    let printable = host.bytes().all(|b| b.is_ascii_graphic() && !b"/@,".contains(&b));
    !host.is_empty() && printable && port.parse::<u16>().is_ok_and(|port| port != 0)
}
