//! What can be configured, and what comes of it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wgcni_daemon::config::{ConfigErrors, File, Flags, Layered, layered};
use wgcni_daemon::logging::Format;
use wgcni_ipam::Lengths;
use wgcni_model::{Cluster, ClusterId, Family, Prefix, Prefixes};

/// Where the configuration is.
pub const PATH: &str = "/etc/wgcni/cluster-manager.toml";
/// What says that a cluster has no prefix of a family.
pub const NONE: &str = "none";

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7400);
const STATE_DIR: &str = "/var/lib/wgcni/cluster-manager";
const PREFIX_V4: &str = "10.64.0.0/12";

/// The keys of the file, the flags and the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct Settings {
    /// Identity of the cluster: 32 lower-case hexadecimal digits [init: random]
    #[arg(long, env = "WGCNI_CLUSTER_ID")]
    pub cluster_id: Option<ClusterId>,
    /// Address and port of the API [default: 127.0.0.1:7400]
    #[arg(long, env = "WGCNI_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Serve beyond loopback, although the API is not encrypted yet
    #[arg(long, env = "WGCNI_INSECURE_PLAINTEXT", num_args = 0..=1, default_missing_value = "true")]
    pub insecure_plaintext: Option<bool>,
    /// Directory of the store [default: /var/lib/wgcni/cluster-manager]
    #[arg(long, env = "WGCNI_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// IPv4 prefix of the cluster, or "none" [default: 10.64.0.0/12]
    #[arg(long, env = "WGCNI_PREFIX_V4")]
    pub prefix_v4: Option<String>,
    /// IPv6 prefix of the cluster, or "none" [init: random ULA /48]
    #[arg(long, env = "WGCNI_PREFIX_V6")]
    pub prefix_v6: Option<String>,
    /// Length of a node's IPv4 prefix [default: 24]
    #[arg(long, env = "WGCNI_LEASE_LENGTH_V4")]
    pub lease_length_v4: Option<u8>,
    /// Length of a node's IPv6 prefix [default: 64]
    #[arg(long, env = "WGCNI_LEASE_LENGTH_V6")]
    pub lease_length_v6: Option<u8>,
    /// How long a released lease rests, in seconds [default: 60]
    #[arg(long, env = "WGCNI_QUARANTINE_SECONDS")]
    pub quarantine_seconds: Option<u32>,
    /// How long a node must be silent before another key may take its name, in seconds
    /// [default: 30]
    #[arg(long, env = "WGCNI_TAKEOVER_SECONDS")]
    pub takeover_seconds: Option<u32>,
    /// Longest silence of a stream of peers, in seconds [default: 10]
    #[arg(long, env = "WGCNI_HEARTBEAT_SECONDS")]
    pub heartbeat_seconds: Option<u32>,
    /// What to log: error, warn, info, debug, trace [default: info]
    #[arg(long, env = "WGCNI_LOG")]
    pub log: Option<String>,
    /// How to log: text, json [default: text]
    #[arg(long, env = "WGCNI_LOG_FORMAT")]
    pub log_format: Option<Format>,
}

/// The configuration that a cluster-manager runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The cluster.
    pub cluster: Cluster,
    /// Lengths of leases.
    pub lease_lengths: Lengths,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where the store is.
    pub state_dir: PathBuf,
    /// How long a released lease rests.
    pub quarantine: Duration,
    /// How long a node must be silent before another key may take its name.
    pub takeover: Duration,
    /// Longest silence of a stream of peers.
    pub heartbeat: Duration,
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
        let listen = settings.listen.unwrap_or(LISTEN);
        check_listen(&mut layered, listen);
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
            listen,
            state_dir: settings.state_dir.unwrap_or_else(|| STATE_DIR.into()),
            quarantine: Duration::from_secs(settings.quarantine_seconds.unwrap_or(60).into()),
            takeover: Duration::from_secs(settings.takeover_seconds.unwrap_or(30).into()),
            heartbeat: Duration::from_secs(heartbeat.into()),
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            log_format: settings.log_format.unwrap_or_default(),
        })
    }

    /// The directory of the store's records.
    pub fn store_dir(&self) -> PathBuf {
        self.state_dir.join("store")
    }
}

impl Settings {
    /// Fills in what a new cluster needs and nobody chose. `random` is 16 bytes for its
    /// id and 5 for its IPv6 prefix (RFC 4193, section 3.2).
    pub fn complete(&mut self, random: ([u8; 16], [u8; 5])) {
        self.cluster_id.get_or_insert_with(|| ClusterId::from_random(random.0));
        self.listen.get_or_insert(LISTEN);
        self.insecure_plaintext.get_or_insert(false);
        self.state_dir.get_or_insert_with(|| Path::new(STATE_DIR).to_owned());
        self.prefix_v4.get_or_insert_with(|| PREFIX_V4.to_owned());
        self.prefix_v6.get_or_insert_with(|| format!("{}/48", ula(random.1)));
        self.lease_length_v4.get_or_insert(24);
        self.lease_length_v6.get_or_insert(64);
        self.quarantine_seconds.get_or_insert(60);
        self.takeover_seconds.get_or_insert(30);
        self.heartbeat_seconds.get_or_insert(10);
        self.log.get_or_insert_with(|| "info".to_owned());
        self.log_format.get_or_insert_default();
    }
}

fn ula(global_id: [u8; 5]) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets[0] = 0xfd;
    octets[1..6].copy_from_slice(&global_id);
    octets.into()
}

/// Adds a mistake to a key that has none yet.
fn reject(layered: &mut Layered<Settings>, key: &str, message: impl std::fmt::Display) {
    if !layered.is_rejected(key) {
        layered.reject(key, message);
    }
}

fn check_listen(layered: &mut Layered<Settings>, listen: SocketAddr) {
    let insecure = layered.settings.insecure_plaintext.unwrap_or(false);
    if !listen.ip().is_loopback() && !insecure {
        let why = "is not loopback, and the API is not encrypted yet: whoever reaches it can \
                   take over the mesh; listen on 127.0.0.1, or set insecure_plaintext = true";
        reject(layered, "listen", why);
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
        assert_eq!(config.listen.to_string(), "127.0.0.1:7400");
        assert_eq!(config.cluster.prefixes.to_string(), "10.64.0.0/12");
        assert_eq!(config.lease_lengths, Lengths { v4: 24, v6: 64 });
        assert_eq!(config.state_dir, Path::new("/var/lib/wgcni/cluster-manager"));
    }

    #[test]
    fn listening_beyond_loopback_must_be_asked_for() {
        let error = read(&["--listen", "192.0.2.1:7400"]).unwrap_err();
        assert!(error.contains("listen (flag --listen): is not loopback"), "{error}");
        assert!(read(&["--listen", "0.0.0.0:1", "--insecure-plaintext"]).is_ok());
        assert!(read(&["--listen", "[::1]:1"]).is_ok());
    }

    #[test]
    fn mistakes_are_told_together() {
        let args = "--prefix-v4 fd00::/8 --lease-length-v6 40 --prefix-v6 fd00::/48 \
                    --heartbeat-seconds 0 --quarantine-seconds soon";
        let error = read(&args.split_whitespace().collect::<Vec<_>>()).unwrap_err();
        assert!(error.starts_with("4 mistakes"), "{error}");
        for key in ["prefix_v4", "lease_length_v6", "heartbeat_seconds", "quarantine_seconds"] {
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
        assert_eq!(text.lines().count(), 13);
    }
}
