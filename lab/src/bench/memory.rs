//! How large things are.

use std::fs;

use anyhow::{Context, Result};

use super::sample::Entry;
use crate::node::Node;
use crate::{clean, programs};

/// Limit for the node-manager with 100 attachments, MB.
const NODE_MANAGER_LIMIT: f64 = 20.0;

/// Limit for the plugin, bytes.
const PLUGIN_LIMIT: f64 = 5e6;

/// Memory of a node's daemons.
///
/// # Errors
/// When one is not there.
pub fn measure(node: &Node) -> Result<Vec<Entry>> {
    let daemon = node.daemon_id().context("the node-manager does not run")?;
    let mut entries = vec![Entry {
        name: "rss_node_manager",
        ours: megabytes(daemon)?,
        other: Some(NODE_MANAGER_LIMIT),
        unit: "MB",
        count: 1,
    }];
    // Not there where the kernel has WireGuard.
    if let Some(tunnels) = tunnels_of(node)? {
        let ours = megabytes(tunnels)?;
        entries.push(Entry { name: "rss_tunnels", ours, other: None, unit: "MB", count: 1 });
    }
    Ok(entries)
}

/// Size of the plugin's file.
///
/// # Errors
/// When it is not built.
pub fn plugin_size() -> Result<Entry> {
    let bytes = fs::metadata(programs::find("wireguard-cni")?)?.len();
    // Far below what a float holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let ours = bytes as f64;
    Ok(Entry { name: "plugin_bytes", ours, other: Some(PLUGIN_LIMIT), unit: "bytes", count: 1 })
}

/// Resident memory of a process, KiB.
///
/// # Errors
/// When there is no such process.
pub fn resident(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kib.parse()?)
}

/// Resident memory of a process, MB.
fn megabytes(id: u32) -> Result<f64> {
    // Far below what a float holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let kib = resident(id)? as f64;
    Ok(kib * 1024.0 / 1e6)
}

/// The tunnels process of a node, found by its command line.
///
/// # Errors
/// When the host is gone.
pub fn tunnels_of(node: &Node) -> Result<Option<u32>> {
    let inodes = [node.host().netns().inode()?].into();
    let is_tunnels = |id: &i32| {
        fs::read(format!("/proc/{id}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"tunnels"))
    };
    let found = clean::processes_in(&inodes).into_iter().find(is_tunnels);
    Ok(found.and_then(|id| u32::try_from(id).ok()))
}
