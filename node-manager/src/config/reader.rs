//! From texts to values, with all mistakes.

use std::fmt::Display;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use wgcni_daemon::config::{ConfigErrors, Layered};
use wgcni_dataplane::Preference;
use wgcni_dataplane::firewall::Protocol;
use wgcni_model::NodeName;

use super::{Config, EndpointSource, HostPort, Settings};

/// What is logged by default. The WireGuard library tells of every peer at `info`, and so
/// do we, in one line less.
const DEFAULT_LOG: &str = "info,defguard_wireguard_rs=warn";

/// Turns texts into values and keeps the mistakes.
pub(super) struct Reader {
    pub(super) layers: Layered<Settings>,
}

impl Reader {
    pub(super) fn read(mut self) -> Result<Config, ConfigErrors> {
        let settings = self.layers.settings.clone();
        let node = self.node(settings.node.as_deref());
        let cluster_manager = self.cluster_manager(settings.cluster_manager.as_deref());
        let insecure = self.insecure(cluster_manager.as_ref());
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
            keep_peers,
            reclaim_after,
            resync,
            silent,
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

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |ip| ip.is_loopback())
}
