//! Whether the way to other nodes is as wide as the mesh needs it.

use std::net::IpAddr;

use tokio::task::JoinSet;

use super::finding::{Finding, Remedy, advice, unseen};
use super::machine::Machine;
use super::tool;

const CHECK: &str = "mtu";

/// What WireGuard adds: IP header 20 or 40, UDP header 8, data header 16, tag 16.
const OVERHEAD_V4: u16 = 60;
const OVERHEAD_V6: u16 = 80;

/// IP and ICMP header of a probe.
const PROBE_V4: u16 = 28;
const PROBE_V6: u16 = 48;

/// The least underlay that carries a mesh with IPv6, and the least that IPv4 has to.
const LEAST: u16 = 1360;
const FLOOR: u16 = 576;

pub(crate) struct Facts {
    file: String,
    paths: Vec<Path>,
}

/// The way to a node.
pub(crate) struct Path {
    node: String,
    /// Largest packet that the mesh sends there, IP header included.
    needed: u16,
    width: Width,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Width {
    /// As wide as it must be.
    Enough,
    /// The largest packet that passed.
    Only(u16),
    /// Nobody answers a small probe either: nothing is known.
    Silent,
    Unknown(String),
}

pub(crate) async fn look(machine: &Machine, most: usize) -> Facts {
    let file = machine.places.config.display().to_string();
    let Some(mtu) = machine.mesh_mtu else { return Facts { file, paths: Vec::new() } };
    let mut probes = JoinSet::new();
    for (n, peer) in machine.peers.iter().take(most).cloned().enumerate() {
        probes.spawn(async move {
            let ip = peer.endpoint.ip();
            let needed = mtu.saturating_add(if ip.is_ipv6() { OVERHEAD_V6 } else { OVERHEAD_V4 });
            let width = width(ip, needed).await;
            (n, Path { node: peer.name, needed, width })
        });
    }
    let mut paths = probes.join_all().await;
    paths.sort_by_key(|(n, _)| *n);
    Facts { file, paths: paths.into_iter().map(|(_, path)| path).collect() }
}

async fn width(ip: IpAddr, needed: u16) -> Width {
    match passes(ip, needed).await {
        Ok(true) => return Width::Enough,
        Ok(false) => {}
        Err(why) => return Width::Unknown(why),
    }
    // Once more: a single packet may be lost.
    if passes(ip, needed).await == Ok(true) {
        return Width::Enough;
    }
    if passes(ip, FLOOR).await != Ok(true) {
        return Width::Silent;
    }
    let (mut good, mut bad) = (FLOOR, needed);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if passes(ip, middle).await == Ok(true) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Width::Only(good)
}

/// Whether a packet of that size comes back, which nobody on the way may cut to pieces.
async fn passes(ip: IpAddr, size: u16) -> Result<bool, String> {
    let payload = size - if ip.is_ipv6() { PROBE_V6 } else { PROBE_V4 };
    let (payload, ip) = (payload.to_string(), ip.to_string());
    let line = ["ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s", &payload, &ip];
    let output = tool::output(&line, &[]).await?;
    // 1: no answer, or the packet is too large for the first link. 2: something else.
    match output.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("ping: {}", said.lines().next().unwrap_or_default()))
        }
    }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    facts.paths.iter().map(|path| judge_path(path, &facts.file)).collect()
}

fn judge_path(path: &Path, file: &str) -> Finding {
    let Path { node, needed, width } = path;
    match width {
        Width::Enough => Finding::ok(CHECK, format!("packets of {needed} bytes pass to {node}")),
        Width::Silent => {
            let seen = format!("not known: {node} answers no ping, which may be closed on the way");
            Finding::ok(CHECK, seen)
        }
        Width::Unknown(why) => unseen(CHECK, why),
        Width::Only(most) => {
            let seen = format!(
                "the way to {node} takes packets of {most} bytes, and the mesh sends up to \
                 {needed}: large ones are lost"
            );
            if *most < LEAST {
                let what = format!("the mesh needs {LEAST}: make the way wider");
                return Finding::problem(CHECK, seen, advice(what));
            }
            let line = format!("underlay_mtu = {most}");
            let remedy = Remedy::Configure { file: file.to_owned(), line };
            Finding::problem(CHECK, format!("{seen}; on all nodes:"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Ok, Problem, Warning};

    #[test]
    fn a_narrow_way_is_a_line_of_configuration() {
        let judge = |width| {
            let path = Path { node: "elm".to_owned(), needed: 1480, width };
            judge_path(&path, "/f")
        };
        assert_eq!(judge(Width::Enough).severity, Ok);
        assert_eq!(judge(Width::Silent).severity, Ok);
        assert_eq!(judge(Width::Unknown("x".to_owned())).severity, Warning);
        let narrow = judge(Width::Only(1400));
        let line = "underlay_mtu = 1400".to_owned();
        assert_eq!(narrow.severity, Problem);
        assert_eq!(narrow.remedy, Some(Remedy::Configure { file: "/f".to_owned(), line }));
        assert!(matches!(judge(Width::Only(1300)).remedy, Some(Remedy::Advice(_))));
    }
}
