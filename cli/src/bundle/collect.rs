//! Getting the parts.

use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use wgcni_api::admin_v1 as wire;
use wgcni_api::client::ClusterManager;

use super::parts::{PARTS, Part, Source};
use super::{Entry, MOST, redact};
use crate::doctor::machine::{HUB, MESH, Machine};
use crate::doctor::{self, tool};
use crate::home::chain;
use crate::times;

/// Other nodes that probes are sent to.
const PROBE: usize = 3;

const CALL: std::time::Duration = std::time::Duration::from_secs(10);

/// Settings that the overlay depends on, below `/proc/sys/net`.
const SYSCTLS: [&str; 9] = [
    "ipv4/ip_forward",
    "ipv4/conf/all/rp_filter",
    "ipv4/conf/default/rp_filter",
    "ipv6/conf/all/forwarding",
    "ipv6/conf/all/disable_ipv6",
    "ipv6/conf/all/accept_ra",
    "netfilter/nf_conntrack_max",
    "netfilter/nf_conntrack_count",
    "core/rmem_max",
];

type Content = Result<String, String>;

pub(crate) struct Collector {
    machine: Machine,
}

impl Collector {
    pub fn new(machine: Machine) -> Self {
        Self { machine }
    }

    /// All parts, in the order of the table.
    pub async fn all(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for part in PARTS {
            if part.source == Source::Networks {
                entries.extend(self.networks(part));
                continue;
            }
            let content = self.content(part.source).await;
            entries.push(Entry { name: part.name.to_owned(), content });
        }
        entries
    }

    async fn content(&self, source: Source) -> Content {
        let places = &self.machine.places;
        match source {
            Source::Run(line) => run(line).await,
            Source::Chains(line) => run(line).await.map(|text| chains(&text)),
            Source::File(path) => read(Path::new(path)),
            Source::NodeConfig => read(&places.config).and_then(|text| redact::config(&text)),
            Source::ManagerConfig => {
                read(&places.manager_config).and_then(|text| redact::config(&text))
            }
            Source::NodeStatus => self.node_status(),
            Source::ManagerStatus => self.manager_status(),
            Source::Members => self.members().await,
            Source::Doctor => json(&doctor::examine(&self.machine, PROBE).await),
            Source::Versions => self.versions().await,
            Source::Sysctls => Ok(sysctls()),
            Source::TunnelsLog => tail(&self.machine.state_dir.join("tunnels.log")),
            Source::Networks => Err("it is a directory".to_owned()),
        }
    }

    fn node_status(&self) -> Content {
        let status = self.machine.node.as_ref().map_err(Clone::clone)?;
        json(status)
    }

    /// Field by field: the answer has a join string.
    fn manager_status(&self) -> Content {
        let status = self.machine.manager.as_ref().map_err(Clone::clone)?;
        json(&json!({
            "alarms": status.alarms,
            "version": status.version,
            "cluster_id": status.cluster_id,
            "prefixes": status.prefixes,
            "insecure_plaintext": status.insecure_plaintext,
            "nodes": status.nodes,
            "nodes_alive": status.nodes_alive,
            "operators": status.operators,
            "whitelisted": status.whitelisted,
            "leases": status.leases,
            "revision": status.revision,
            "started": times::rfc3339(status.started_unix_ms),
            "ca_expires": times::rfc3339(status.ca_expires_unix_ms),
        }))
    }

    async fn members(&self) -> Content {
        self.machine.manager.as_ref().map_err(Clone::clone)?;
        let cluster = ClusterManager::unix(&self.machine.manager_socket, CALL);
        let answer = cluster.admin.list_members(wire::ListMembersRequest::default()).await;
        let answer = answer.map_err(|error| chain(&error))?.into_owned();
        json(&answer.members.iter().map(member).collect::<Vec<_>>())
    }

    async fn versions(&self) -> Content {
        let versions = doctor::versions(&self.machine).await;
        let daemon = |daemon: &doctor::Daemon| {
            let entry = json!({ "running": daemon.running, "installed": daemon.installed });
            (daemon.name.to_owned(), entry)
        };
        let mut all: serde_json::Map<_, _> = versions.daemons.iter().map(daemon).collect();
        all.insert("wireguard-cni".to_owned(), json!(versions.plugin));
        all.insert("wgcni".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        json(&all)
    }

    /// Each network that names our plugin; what other networks hold is nobody's business.
    fn networks(&self, part: &Part) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (n, directory) in self.machine.places.network_dirs().iter().enumerate() {
            for network in doctor::networks(directory) {
                let name = network.file_name().unwrap_or_default().to_string_lossy();
                let name = format!("{}{n}-{}", part.name, name.replace("..", "_"));
                entries.push(Entry { name, content: read(&network) });
            }
        }
        if entries.is_empty() {
            let content = Err("no network names wireguard-cni".to_owned());
            entries.push(Entry { name: part.name.to_owned(), content });
        }
        entries
    }
}

fn member(member: &wire::Member) -> Value {
    json!({
        "name": member.name,
        "role": format!("{:?}", member.role),
        "state": format!("{:?}", member.state),
        "groups": member.groups,
        "lease": member.lease,
        "endpoints": member.endpoints,
        "joined": times::rfc3339(member.joined_unix_ms),
        "last_seen": times::rfc3339(member.last_seen_unix_ms),
        "certificate_expires": times::rfc3339(member.certificate_expires_unix_ms),
        "renewals": member.renewals,
        "applied_revision": member.applied_revision,
        "alarm": member.alarm,
        "revoked": times::rfc3339(member.revoked_unix_ms),
    })
}

/// What a program says, which hides keys where it would show them.
async fn run(line: &[&str]) -> Content {
    let output = tool::output(line, &[("WG_HIDE_KEYS", "always")]).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = text(&output.stderr);
    Err(format!("{}: {}", line.join(" "), said.lines().next().unwrap_or("it failed")))
}

/// Our chains, the jumps to them, and policies: other rules are not ours to show.
fn chains(text: &str) -> String {
    let ours = |line: &&str| line.starts_with("-P ") || line.contains("WGCNI-");
    text.lines().filter(ours).flat_map(|line| [line, "\n"]).collect()
}

fn read(path: &Path) -> Content {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| {
        match error.kind() {
            ErrorKind::NotFound => format!("there is no {}", path.display()),
            _ => format!("read {}: {error}", path.display()),
        }
    })
}

/// The end of a file that may be long.
fn tail(path: &Path) -> Content {
    let read = || {
        let mut file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MOST as u64)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().map_err(|error: std::io::Error| format!("read {}: {error}", path.display()))
}

fn sysctls() -> String {
    let links = [MESH, HUB].into_iter().flat_map(|link| {
        ["ipv4/conf/{}/rp_filter", "ipv6/conf/{}/accept_ra", "ipv6/conf/{}/disable_ipv6"]
            .map(|name| name.replace("{}", link))
    });
    let names = SYSCTLS.iter().map(|&name| name.to_owned()).chain(links);
    let line = |name: String| {
        let value = fs::read_to_string(Path::new("/proc/sys/net").join(&name)).ok()?;
        Some(format!("net/{name} = {}\n", value.trim()))
    };
    names.filter_map(line).collect()
}

fn json(value: &impl Serialize) -> Content {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
