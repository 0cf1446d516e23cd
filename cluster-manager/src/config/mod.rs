//! What can be configured, and what comes of it.

mod hosts;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use wgcni_daemon::config::{ConfigErrors, File, Flags, Layered, layered};
use wgcni_daemon::logging::{self, Format};
use wgcni_ipam::Lengths;
use wgcni_model::{Cluster, ClusterId, Family, Prefix, Prefixes};
use wgcni_telemetry::otlp::Endpoint;

pub(crate) use hosts::{MAX as MAX_HOSTS, addresses, check_host, default_hosts};
pub use settings::Settings;
use settings::{JOIN_LISTEN, LISTEN, PREFIX_V4, SOCKET, STATE_DIR, WHITELIST_DIR};

/// Where the configuration is.
pub const PATH: &str = "/etc/wgcni/cluster-manager.toml";
/// What says that a cluster has no prefix of a family.
pub const NONE: &str = "none";

/// The configuration that a cluster-manager runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The cluster.
    pub cluster: Cluster,
    /// Lengths of leases.
    pub lease_lengths: Lengths,
    /// Where members are served.
    pub listen: SocketAddr,
    /// Where joiners are served.
    pub join_listen: SocketAddr,
    /// Hosts under which both are reached, best first; none: what is listened on.
    pub advertise: Vec<String>,
    /// Where root on this machine is served.
    pub socket: PathBuf,
    /// Whether everybody is served in plaintext, and nobody joins.
    pub insecure_plaintext: bool,
    /// Where keys and store are.
    pub state_dir: PathBuf,
    /// Where files with the keys of nodes that may join are.
    pub whitelist_dir: PathBuf,
    /// Where nodes may be reached, besides the address that they call from.
    pub endpoint_cidrs: Vec<Prefix>,
    /// How long a released lease rests.
    pub quarantine: Duration,
    /// How long a node must be silent before another key may take its name.
    pub takeover: Duration,
    /// Longest silence of a stream of peers.
    pub heartbeat: Duration,
    /// Where metrics are served, besides the socket for root.
    pub metrics_listen: Option<SocketAddr>,
    /// Where spans are sent.
    pub otlp_endpoint: Option<Endpoint>,
    /// What to log.
    pub log: String,
    /// How to log.
    pub log_format: Format,
}

impl Config {
    /// Reads the configuration from the file, the variables and the flags.
    ///
    /// # Errors
    /// All mistakes.
    pub fn read(file: &File, flags: &Flags<Settings>) -> Result<Self, ConfigErrors> {
        Self::check(layered(file, flags))
    }

    /// Checks what was read.
    ///
    /// # Errors
    /// All mistakes, those found while reading included.
    pub fn check(mut layered: Layered<Settings>) -> Result<Self, ConfigErrors> {
        let settings = layered.settings.clone();
        let id = settings.cluster_id.unwrap_or_else(|| {
            reject(&mut layered, "cluster_id", "is needed; run: cluster-manager init");
            ClusterId::from_random([0; 16])
        });
        check_doors(&mut layered);
        let lease_lengths = Lengths {
            v4: settings.lease_length_v4.unwrap_or(24),
            v6: settings.lease_length_v6.unwrap_or(64),
        };
        let prefixes = prefixes(&mut layered);
        for prefix in prefixes.iter().flat_map(Prefixes::iter) {
            check_length(&mut layered, prefix, lease_lengths);
        }
        let heartbeat = settings.heartbeat_seconds.unwrap_or(10);
        if heartbeat == 0 {
            reject(&mut layered, "heartbeat_seconds", "must be at least 1");
        }
        layered.finish()?;
        // A mistake in the prefixes has ended it above.
        let prefixes = prefixes.ok_or_else(|| ConfigErrors(Vec::new()))?;
        Ok(Self {
            cluster: Cluster { id, prefixes },
            lease_lengths,
            listen: settings.listen.unwrap_or(LISTEN),
            join_listen: settings.join_listen.unwrap_or(JOIN_LISTEN),
            advertise: settings.advertise.unwrap_or_default(),
            socket: settings.socket.unwrap_or_else(|| SOCKET.into()),
            insecure_plaintext: settings.insecure_plaintext.unwrap_or(false),
            state_dir: settings.state_dir.unwrap_or_else(|| STATE_DIR.into()),
            whitelist_dir: settings.whitelist_dir.unwrap_or_else(|| WHITELIST_DIR.into()),
            endpoint_cidrs: settings.endpoint_cidrs.unwrap_or_default(),
            quarantine: Duration::from_secs(settings.quarantine_seconds.unwrap_or(60).into()),
            takeover: Duration::from_secs(settings.takeover_seconds.unwrap_or(30).into()),
            heartbeat: Duration::from_secs(heartbeat.into()),
            metrics_listen: settings.metrics_listen,
            otlp_endpoint: settings.otlp_endpoint,
            log: logging::filter(settings.log, "info"),
            log_format: settings.log_format.unwrap_or_default(),
        })
    }

    /// The directory of the store's records.
    pub fn store_dir(&self) -> PathBuf {
        self.state_dir.join("store")
    }
}

/// Where members are served, by these settings.
pub(crate) fn listen(settings: &Settings) -> SocketAddr {
    settings.listen.unwrap_or(LISTEN)
}

/// Adds a mistake to a key that has none yet.
fn reject(layered: &mut Layered<Settings>, key: &str, message: impl std::fmt::Display) {
    if !layered.is_rejected(key) {
        layered.reject(key, message);
    }
}

/// The listeners must not be one, and reached by hosts that there can be.
fn check_doors(layered: &mut Layered<Settings>) {
    let Settings { listen, join_listen, advertise, .. } = layered.settings.clone();
    let (listen, join_listen) = (listen.unwrap_or(LISTEN), join_listen.unwrap_or(JOIN_LISTEN));
    if listen == join_listen && listen.port() != 0 {
        reject(layered, "join_listen", "is listen, too; members and joiners need one each");
    }
    let hosts = advertise.unwrap_or_default();
    if hosts.len() > hosts::MAX {
        reject(
            layered,
            "advertise",
            format!("has {} hosts; at most {} fit", hosts.len(), hosts::MAX),
        );
    }
    if let Some(error) = hosts.iter().find_map(|host| check_host(host).err()) {
        reject(layered, "advertise", error);
    }
}

fn prefixes(layered: &mut Layered<Settings>) -> Option<Prefixes> {
    let Settings { prefix_v4, prefix_v6, .. } = layered.settings.clone();
    let v4 = prefix(layered, Family::V4, prefix_v4.as_deref().unwrap_or(PREFIX_V4));
    let v6 = prefix(layered, Family::V6, prefix_v6.as_deref().unwrap_or(NONE));
    let found = Prefixes::from_items(v4.into_iter().chain(v6));
    if found.is_err() {
        reject(layered, "prefix_v4", "and prefix_v6 are both none; a cluster needs one");
    }
    found.ok()
}

fn prefix(layered: &mut Layered<Settings>, family: Family, text: &str) -> Option<Prefix> {
    if text == NONE {
        return None;
    }
    let key = match family {
        Family::V4 => "prefix_v4",
        Family::V6 => "prefix_v6",
    };
    match text.parse::<Prefix>() {
        Ok(prefix) if prefix.family() == family => return Some(prefix),
        Ok(prefix) => reject(layered, key, format!("{prefix} is not {family}")),
        Err(error) => reject(layered, key, error),
    }
    None
}

fn check_length(layered: &mut Layered<Settings>, prefix: Prefix, lengths: Lengths) {
    // The longest lease that has an address for the node and one for a container.
    let (key, longest) = match prefix.family() {
        Family::V4 => ("lease_length_v4", 30),
        Family::V6 => ("lease_length_v6", 126),
    };
    let length = lengths.of(prefix.family());
    if length < prefix.length() || length > longest {
        let why =
            format!("{length} does not fit {prefix}: must be {} to {longest}", prefix.length());
        reject(layered, key, why);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        settings: Flags<Settings>,
    }

    fn read(args: &[&str]) -> Result<Config, String> {
        let id = ["x", "--cluster-id", "0123456789abcdef0123456789abcdef"];
        let cli = Cli::try_parse_from([&id, args].concat()).unwrap();
        let config = Config::read(&File::optional("/nowhere"), &cli.settings);
        config.map_err(|errors| errors.to_string())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "0.0.0.0:7400");
        assert_eq!(config.join_listen.to_string(), "0.0.0.0:7401");
        assert_eq!(config.socket, Path::new("/run/wgcni/cluster-manager.sock"));
        assert_eq!(config.whitelist_dir, Path::new("/etc/wgcni/whitelisted-keys"));
        assert!(!config.insecure_plaintext && config.endpoint_cidrs.is_empty());
        assert_eq!(config.cluster.prefixes.to_string(), "10.64.0.0/12");
        assert_eq!(config.lease_lengths, Lengths { v4: 24, v6: 64 });
        assert_eq!(config.state_dir, Path::new("/var/lib/wgcni/cluster-manager"));
    }

    #[test]
    fn doors_and_hosts_that_cannot_be_are_refused() {
        let error = read(&["--join-listen", "0.0.0.0:7400"]).unwrap_err();
        assert!(error.contains("join_listen (flag --join-listen): is listen, too"), "{error}");
        for bad in ["0.0.0.0", "a b", "host:7400", "x_y", "::"] {
            let error = read(&["--advertise", bad]).unwrap_err();
            assert!(error.contains("advertise (flag --advertise): host"), "{bad}: {error}");
        }
        let config = read(&["--advertise", "cm.example.net,192.0.2.1,2001:db8::1"]).unwrap();
        assert_eq!(config.advertise.len(), 3);
        let config = read(&["--endpoint-cidrs", "192.0.2.0/24,2001:db8::/32"]).unwrap();
        assert_eq!(config.endpoint_cidrs.len(), 2);
    }

    #[test]
    fn mistakes_are_told_together() {
        let args = "--prefix-v4 fd00::/8 --lease-length-v6 40 --prefix-v6 fd00::/48 \
                    --heartbeat-seconds 0 --quarantine-seconds soon --endpoint-cidrs 10.0.0.1/8 \
                    --join-listen 7401";
        let error = read(&args.split_whitespace().collect::<Vec<_>>()).unwrap_err();
        assert!(error.starts_with("6 mistakes"), "{error}");
        let keys = "prefix_v4 lease_length_v6 heartbeat_seconds quarantine_seconds endpoint_cidrs \
                    join_listen";
        for key in keys.split_whitespace() {
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn clusters_may_have_one_family() {
        let one = read(&["--prefix-v4", "none", "--prefix-v6", "fd00::/48"]).unwrap();
        assert_eq!(one.cluster.prefixes.to_string(), "fd00::/48");
        assert!(read(&["--prefix-v4", "none"]).unwrap_err().contains("both none"));
    }

    #[test]
    fn new_cluster_is_complete() {
        let mut settings = Settings::default();
        settings.complete(([7; 16], [1, 2, 3, 4, 5]));
        assert_eq!(settings.prefix_v6.as_deref(), Some("fd01:203:405::/48"));
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
        // All but what is nothing by default, and `log`, which would hide RUST_LOG.
        assert_eq!(text.lines().count(), 17);
    }
}
