//! Whether somebody else has our ports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::finding::{Finding, advice, run};
use super::machine::{HUB, MESH, Machine};
use super::tool;

const CHECK: &str = "ports";

/// The files of `/proc/net` with sockets of each protocol.
const TABLES: [(&str, [&str; 2]); 2] = [("udp", ["udp", "udp6"]), ("tcp", ["tcp", "tcp6"])];

/// State of a TCP socket that listens (`TCP_LISTEN` of the kernel's `tcp_states.h`).
const LISTEN: &str = "0A";

pub(crate) struct Facts {
    root: bool,
    ports: Vec<Port>,
}

/// A port that should be ours.
#[derive(Clone)]
pub(crate) struct Port {
    protocol: &'static str,
    number: u16,
    /// Program that should have it.
    owner: &'static str,
    /// The line that chooses another one.
    key: &'static str,
    file: String,
    held: Held,
}

#[derive(Clone)]
enum Held {
    Free,
    /// By a process: its id and name.
    By(u32, String),
    /// By a WireGuard interface of the kernel's.
    Link(String),
    /// By somebody who cannot be seen.
    Unseen,
}

pub(crate) async fn look(machine: &Machine) -> Facts {
    let mut ports = Vec::new();
    let mut port = |protocol, number, owner, key, file: &Path| {
        let (file, held) = (file.display().to_string(), Held::Free);
        ports.push(Port { protocol, number, owner, key, file, held });
    };
    if machine.roles.node {
        let file = &machine.places.config;
        port("udp", machine.mesh_port, "node-manager", "mesh_port", file);
        port("udp", machine.hub_port, "node-manager", "hub_port", file);
    }
    if machine.roles.manager {
        let (config, file) = (&machine.manager_config, &machine.places.manager_config);
        port("tcp", config.port("listen", 7400), "cluster-manager", "listen", file);
        let join = config.port("join_listen", 7401);
        port("tcp", join, "cluster-manager", "join_listen", file);
    }
    let sockets: Vec<_> = ports.iter().map(|port| sockets_of(port.protocol, port.number)).collect();
    let owners = if sockets.iter().all(Vec::is_empty) { BTreeMap::new() } else { owners() };
    for (port, inodes) in ports.iter_mut().zip(sockets) {
        let held = inodes.iter().find_map(|inode| owners.get(inode).cloned());
        port.held = match held {
            Some((pid, name)) => Held::By(pid, name),
            None if inodes.is_empty() => Held::Free,
            None => link_with(port.number).await.map_or(Held::Unseen, Held::Link),
        };
    }
    Facts { ports, root: machine.root }
}

/// The WireGuard interface that listens on a port: a socket of the kernel's is no process's.
async fn link_with(port: u16) -> Option<String> {
    let text = tool::run(&["wg", "show", "all", "listen-port"]).await.ok()?;
    let links = text.lines().filter_map(|line| line.split_once('\t'));
    let found = links.into_iter().find(|(_, listens)| listens.parse() == Ok(port));
    found.map(|(link, _)| link.to_owned())
}

/// Inodes of the sockets that are bound to a port of this network namespace.
fn sockets_of(protocol: &str, port: u16) -> Vec<u64> {
    let tables = TABLES.iter().filter(|(name, _)| *name == protocol).flat_map(|(_, files)| files);
    let texts = tables.filter_map(|file| fs::read_to_string(format!("/proc/self/net/{file}")).ok());
    texts.flat_map(|text| bound(&text, protocol, port)).collect()
}

fn bound(table: &str, protocol: &str, port: u16) -> Vec<u64> {
    let inode = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let local = fields.get(1)?.rsplit_once(':')?.1;
        let counts = protocol == "udp" || *fields.get(3)? == LISTEN;
        (counts && u16::from_str_radix(local, 16) == Ok(port)).then_some(())?;
        fields.get(9)?.parse().ok()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

/// Which process has which socket, as far as it can be seen.
fn owners() -> BTreeMap<u64, (u32, String)> {
    let mut owners = BTreeMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let name = || fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        for file in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let target = fs::read_link(file.path()).unwrap_or_default();
            let inode = target.to_str().and_then(|text| {
                text.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
            });
            if let Some(inode) = inode {
                owners.insert(inode, (pid, name().trim().to_owned()));
            }
        }
    }
    owners
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    // Others do not see whose a socket is.
    let seen = |port: &&Port| facts.root || !matches!(port.held, Held::Unseen);
    facts.ports.iter().filter(seen).filter_map(judge_port).collect()
}

fn judge_port(port: &Port) -> Option<Finding> {
    let Port { number, key, file, .. } = port;
    let what = format!("{} {number}", port.protocol.to_uppercase());
    match &port.held {
        // Whether its owner runs is another check's.
        Held::Free => None,
        Held::By(_, name) if *name == port.owner => {
            Some(Finding::ok(CHECK, format!("{what} is {name}'s")))
        }
        Held::By(pid, name) => {
            let seen = format!(
                "{what} is held by {name} (process {pid}), so that {} cannot have it; end that, \
                 or choose another {key} in {file}",
                port.owner
            );
            Some(Finding::problem(CHECK, seen, run(format!("kill {pid}"))))
        }
        Held::Link(link) if link == MESH || link == HUB => {
            Some(Finding::ok(CHECK, format!("{what} is {link}'s")))
        }
        Held::Link(link) => {
            let seen = format!("{what} is the WireGuard interface {link}'s");
            let choose = format!("choose another {key} in {file}, or another port for {link}");
            Some(Finding::problem(CHECK, seen, advice(choose)))
        }
        Held::Unseen => {
            let seen = format!("{what} is held by a process that cannot be seen");
            let look = "`ss -lntup` may name it: in another PID namespace nobody is seen";
            Some(Finding::warning(CHECK, seen, advice(look)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Severity::{Ok, Problem, Warning};

    #[test]
    fn a_port_is_ours_the_kernels_or_somebody_elses() {
        let by = |name: &str| Held::By(7, name.to_owned());
        let table = [
            ("udp", "node-manager", Held::Free, None),
            ("udp", "node-manager", by("node-manager"), Some(Ok)),
            ("udp", "node-manager", by("wireguard-go"), Some(Problem)),
            ("udp", "node-manager", Held::Link("wgmesh0".to_owned()), Some(Ok)),
            ("udp", "node-manager", Held::Link("wg0".to_owned()), Some(Problem)),
            ("udp", "node-manager", Held::Unseen, Some(Warning)),
            ("tcp", "cluster-manager", Held::Unseen, Some(Warning)),
            ("tcp", "cluster-manager", by("cluster-manager"), Some(Ok)),
        ];
        for (protocol, owner, held, expected) in table {
            let port = Port { protocol, number: 1, owner, key: "k", file: "/f".into(), held };
            let found = judge_port(&port);
            assert_eq!(found.as_ref().map(|f| f.severity), expected, "{found:?}");
        }
    }

    #[test]
    fn sockets_are_found_by_port_and_only_listening_ones_of_tcp() {
        let udp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            1: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n\
            2: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0\n";
        assert_eq!(bound(udp, "udp", 51820), [4711]);
        let tcp = udp.replacen("07", "0A", 1);
        assert_eq!((bound(&tcp, "tcp", 51820), bound(&tcp, "tcp", 53)), (vec![4711], vec![]));
    }
}
