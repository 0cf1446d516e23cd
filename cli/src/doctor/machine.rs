//! What every check wants to know of this machine, looked at once.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnetwork::IpNetwork;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wgcni_api::client::ClusterManager;
use wgcni_api::{admin_v1, node_v1};
use wgcni_daemon::sealed::unseal;
use wgcni_model::{Cluster, Lease, Snapshot};

use super::place::Places;
use crate::home::chain;

/// How long a daemon on this machine may take to answer.
const CALL: Duration = Duration::from_secs(5);

/// The links of a node.
pub(crate) const MESH: &str = "wgmesh0";
pub(crate) const HUB: &str = "wghub0";

/// What a node has, or a machine that was told to become one.
const OF_NODE: [&str; 3] = ["lease.json", "member/member.json", "mesh.key"];

/// Another node, as this one knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub name: String,
    pub endpoint: SocketAddr,
}

/// A daemon's configuration, as far as it matters here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    table: toml::Table,
    /// Why it could not be read; a missing file is none.
    pub error: Option<String>,
    /// Whether it sets anything, as far as can be seen: a package's file has comments alone.
    pub sets: bool,
}

impl Config {
    pub fn read(path: &Path) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => match text.parse() {
                Ok(table) => {
                    let table: toml::Table = table;
                    Self { sets: !table.is_empty(), table, error: None }
                }
                Err(error) => {
                    let error: toml::de::Error = error;
                    // Not the line itself: nobody knows what is in it.
                    let at = error.span().map_or(0, |span| span.start.min(text.len()));
                    let line = text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
                    let why = format!("line {line}: {}", error.message().replace('\n', " "));
                    Self { error: Some(why), sets: true, ..Self::default() }
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            // That it is root's alone is no mistake.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Self { sets: true, ..Self::default() }
            }
            Err(error) => Self { error: Some(error.to_string()), sets: true, ..Self::default() },
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.table.get(key)?.as_str()
    }

    pub fn number(&self, key: &str) -> Option<u16> {
        u16::try_from(self.table.get(key)?.as_integer()?).ok()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.table.get(key).and_then(toml::Value::as_bool).unwrap_or_default()
    }

    pub fn path(&self, key: &str, default: &str) -> PathBuf {
        PathBuf::from(self.text(key).unwrap_or(default))
    }

    /// The port of a listener.
    pub fn port(&self, key: &str, default: u16) -> u16 {
        let port = self.text(key).and_then(|listen| listen.rsplit_once(':')?.1.parse().ok());
        port.unwrap_or(default)
    }
}

/// What this machine is, or is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    pub node: bool,
    pub manager: bool,
}

/// This machine.
pub(crate) struct Machine {
    pub root: bool,
    pub places: Places,
    pub config: Config,
    pub manager_config: Config,
    pub state_dir: PathBuf,
    /// cluster-manager's.
    pub manager_state: PathBuf,
    pub mesh_port: u16,
    pub hub_port: u16,
    pub roles: Roles,
    /// What node-manager says, or why it does not.
    pub node: Result<node_v1::StatusResponse, String>,
    /// What cluster-manager says over its socket, or why it does not.
    pub manager: Result<admin_v1::StatusResponse, String>,
    pub manager_socket: PathBuf,
    /// The cluster's prefixes, as far as they are known here.
    pub cluster: Vec<IpNetwork>,
    pub peers: Vec<Peer>,
    /// MTU of the mesh, where there is one.
    pub mesh_mtu: Option<u16>,
    pub has_hub: bool,
}

#[derive(Deserialize)]
struct LeaseFile {
    cluster: Cluster,
    lease: Lease,
}

#[derive(Deserialize)]
struct PeersFile {
    peers: Snapshot,
}

impl Machine {
    pub async fn look(places: &Places, manager_socket: Option<&Path>) -> Self {
        let config = Config::read(&places.config);
        let manager_config = Config::read(&places.manager_config);
        let state_dir = config.path("state_dir", "/var/lib/wgcni/node-manager");
        let manager_state = manager_config.path("state_dir", "/var/lib/wgcni/cluster-manager");
        let usual = manager_config.path("socket", "/run/wgcni/cluster-manager.sock");
        let manager_socket = manager_socket.map_or(usual, Path::to_owned);
        let own = config.path("run_dir", "/run/wgcni").join("node.sock");
        let node_socket = places.node_socket.clone().unwrap_or(own);
        let lease = sealed::<LeaseFile>(&state_dir.join("lease.json"));
        Self {
            root: nix::unistd::geteuid().is_root(),
            mesh_port: config.number("mesh_port").unwrap_or(51820),
            hub_port: config.number("hub_port").unwrap_or(51819),
            // Not by the directories: a package makes them before there is anything in them.
            roles: Roles {
                node: config.sets
                    || OF_NODE.iter().any(|file| may_exist(&state_dir.join(file)))
                    || node_socket.exists(),
                manager: manager_config.sets || may_exist(&manager_state.join("ca.key")),
            },
            node: ask_node(&node_socket).await,
            manager: ask_manager(&manager_socket).await,
            cluster: lease.iter().flat_map(|file| networks(&file.cluster)).collect(),
            peers: lease.map(|file| peers(&state_dir, &file)).unwrap_or_default(),
            mesh_mtu: link_number(MESH, "mtu"),
            has_hub: Path::new("/sys/class/net").join(HUB).exists(),
            places: places.clone(),
            config,
            manager_config,
            state_dir,
            manager_state,
            manager_socket,
        }
    }

    /// The line with which a daemon of ours is started (again).
    pub fn service(verb: &str, program: &str) -> String {
        format!("systemctl {verb} {program}")
    }

    /// Whether it is a member of a cluster. Nobody but root sees that.
    pub fn joined(&self) -> bool {
        self.state_dir.join("member/member.json").exists()
    }

    /// Whether it serves, or could, as a node.
    pub fn can_serve(&self) -> bool {
        self.node.is_ok() || self.joined() || self.config.flag("insecure_plaintext")
    }

    /// Whether anything of the cluster has this family.
    pub fn has_family(&self, v6: bool) -> bool {
        self.cluster.iter().any(|prefix| prefix.is_ipv6() == v6)
    }
}

fn networks(cluster: &Cluster) -> Vec<IpNetwork> {
    cluster.prefixes.iter().map(|prefix| prefix.network()).collect()
}

fn peers(state_dir: &Path, lease: &LeaseFile) -> Vec<Peer> {
    let Some(file) = sealed::<PeersFile>(&state_dir.join("peers.json")) else {
        return Vec::new();
    };
    let others = file.peers.peers.values().filter(|peer| peer.node != lease.lease.node);
    let peer = |peer: &wgcni_model::Peer| {
        let endpoint = peer.endpoints.as_slice().first()?.socket();
        Some(Peer { name: peer.node.to_string(), endpoint })
    };
    others.filter_map(peer).collect()
}

/// A file of node-manager's; none when it cannot be read: whoever owns it says why.
fn sealed<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_str(unseal(&bytes).ok()?).ok()
}

/// Whether a file is there, or may be: in a directory that is closed to whoever asks.
fn may_exist(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

/// A number that the kernel tells about a link.
fn link_number(link: &str, what: &str) -> Option<u16> {
    let path = Path::new("/sys/class/net").join(link).join(what);
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Asks, unless there is nobody to ask: a client tries again and again.
async fn listening(socket: &Path) -> Result<(), String> {
    let connected = tokio::net::UnixStream::connect(socket).await;
    connected.map(drop).map_err(|error| format!("{}: {error}", socket.display()))
}

async fn ask_node(socket: &Path) -> Result<node_v1::StatusResponse, String> {
    listening(socket).await?;
    let node = wgcni_api::client::node(socket, CALL);
    let answer = node.status(node_v1::StatusRequest::default()).await;
    Ok(answer.map_err(|error| chain(&error))?.into_owned())
}

async fn ask_manager(socket: &Path) -> Result<admin_v1::StatusResponse, String> {
    listening(socket).await?;
    let cluster = ClusterManager::unix(socket, CALL);
    let answer = cluster.admin.status(admin_v1::StatusRequest::default()).await;
    Ok(answer.map_err(|error| chain(&error))?.into_owned())
}
