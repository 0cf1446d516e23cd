//! What a node holds of its containers, as lines that can be compared.

use std::fs;

use anyhow::{Result, ensure};

use crate::node::Node;
use crate::wait;

/// Where a DEL waits for a node-manager that is down.
const TOMBSTONES: &str = "/var/lib/wgcni/node-manager/tombstones";

/// Devices, peers, rules, routes, attachments and tombstones of a node: the same before a container
/// came and after it went.
///
/// # Errors
/// When a tool fails or node-manager does not answer.
pub fn traces(node: &Node) -> Result<Vec<String>> {
    let host = node.host();
    let devices = host.run(&["wg", "show", "interfaces"])?;
    let mut lines: Vec<String> =
        devices.split_whitespace().map(|device| format!("device {device}")).collect();
    for (key, addresses) in node.hub_peers()? {
        lines.push(format!("peer {key} {addresses:?}"));
    }
    for save in ["iptables-save", "ip6tables-save"] {
        let rules = host.run(&[save])?;
        // Comments have the time, chains their counters.
        let rules = rules.lines().filter(|line| !line.starts_with('#'));
        lines.extend(
            rules.map(|line| format!("{save}: {}", line.split(" [").next().unwrap_or(line))),
        );
    }
    for family in ["-4", "-6"] {
        let routes = host.run(&["ip", family, "route", "show", "table", "all"])?;
        lines.extend(routes.lines().map(|line| line.trim().to_owned()));
    }
    lines.push(format!("attachments: {}", node.status()?["attachments"]));
    for tombstone in fs::read_dir(host.path(TOMBSTONES)).into_iter().flatten().flatten() {
        lines.push(format!("tombstone {}", tombstone.path().display()));
    }
    lines.sort();
    Ok(lines)
}

/// Waits until a node holds what it held before.
///
/// # Errors
/// With what is there and was not, and what was and is not.
pub fn as_before(node: &Node, before: &[String]) -> Result<()> {
    wait::until_ok(&format!("{} to be as before", node.name()), || {
        let now = traces(node)?;
        let new: Vec<_> = now.iter().filter(|line| !before.contains(line)).collect();
        let gone: Vec<_> = before.iter().filter(|line| !now.contains(line)).collect();
        ensure!(new.is_empty() && gone.is_empty(), "new: {new:#?}, gone: {gone:#?}");
        Ok(())
    })
}
