//! What is counted, and by how much it may differ.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bench::memory::{resident, tunnels_of};
use crate::netns::Netns;
use crate::node::Node;

/// Method that tells how a node is.
const STATUS: &str = "wgcni.node.v1.AttachmentService/Status";

/// By how much something may be more after than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// By nothing: one too many is a leak.
    None,
    /// By so much, however long it runs; the reason is where it is used.
    Within(u64),
}

/// Something that was counted once.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    name: &'static str,
    value: u64,
    growth: Growth,
}

/// Something that was counted twice.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// What.
    pub name: &'static str,
    /// Before the cycles.
    pub before: u64,
    /// After them.
    pub after: u64,
    /// By how much it may have grown.
    pub growth: Growth,
}

impl Figure {
    pub(super) fn of(before: Count, after: Count) -> Self {
        let (name, growth) = (before.name, before.growth);
        Self { name, before: before.value, after: after.value, growth }
    }

    /// The most that it may be after the cycles.
    pub fn most(&self) -> u64 {
        match self.growth {
            Growth::None => self.before,
            Growth::Within(much) => self.before + much,
        }
    }

    /// Whether it did not grow.
    pub fn is_fine(&self) -> bool {
        self.after <= self.most()
    }

    pub(super) fn row(&self) -> Vec<String> {
        let verdict = if self.is_fine() { "" } else { "GREW" };
        let numbers = [self.before, self.after, self.most()].map(|number| number.to_string());
        [&[self.name.to_owned()], &numbers[..], &[verdict.to_owned()]].concat()
    }
}

/// Counts everything, always in the same order.
pub(super) fn measure(node: &Node, places: &[Netns]) -> Result<Vec<Count>> {
    let mut counts = on_disk(node)?;
    let daemon = node.daemon_id().context("the node-manager does not run")?;
    counts.extend(of_process(daemon, ["node-manager KiB", "… descriptors", "… threads"])?);
    if let Some(tunnels) = tunnels_of(node)? {
        counts.extend(of_process(tunnels, ["tunnels KiB", "… its descriptors", "… its threads"])?);
    }
    counts.extend(in_kernel(node, places)?);
    Ok(counts)
}

fn on_disk(node: &Node) -> Result<Vec<Count>> {
    let state = node.host().path("/var/lib/wgcni/node-manager");
    let status = node.call(STATUS, &json!({}))?;
    Ok(vec![
        // sled writes a log of segments of 512 KiB and uses those again that hold nothing
        // newest any more; how many are half-full differs.
        within("store KiB", size(&state.join("attachments"))? / 1024, 4096),
        // Warnings, on a machine that is busy.
        within("tunnels.log KiB", size_of(&state.join("tunnels.log"))? / 1024, 64),
        exactly("attachments", number(&status["attachments"])),
        // The addresses of the last containers, which rest or were not tidied up yet.
        within("resting records", resting(node)?, 64),
        exactly("tombstones", entries(&state.join("tombstones"))),
        exactly("sockets of devices", entries(&node.host().path("/run/wireguard"))),
    ])
}

/// Memory, descriptors and threads of a process.
fn of_process(id: u32, names: [&'static str; 3]) -> Result<[Count; 3]> {
    let of = |what: &str| entries(Path::new(&format!("/proc/{id}/{what}")));
    let [memory, descriptors, threads] = names;
    Ok([
        // The allocator gives memory back in large pieces only.
        within(memory, resident(id)?, 4096),
        // Connections of callers that have just gone.
        within(descriptors, of("fd"), 8),
        // Threads for blocking work come and go (at most 4).
        within(threads, of("task"), 4),
    ])
}

fn in_kernel(node: &Node, places: &[Netns]) -> Result<Vec<Count>> {
    let host = node.host();
    let lines = |line: &str| -> Result<u64> {
        let text = host.run(&line.split(' ').collect::<Vec<_>>())?;
        Ok(text.lines().filter(|line| !line.starts_with('#')).count() as u64)
    };
    let mut inside = 0;
    for place in places {
        inside += place.ip(&["-o", "link"])?.lines().count() as u64;
    }
    Ok(vec![
        exactly("links of the host", lines("ip -o link")?),
        exactly("links of the containers", inside),
        exactly("userspace devices", devices(node)?),
        exactly("peers of the hub", node.hub_peers()?.len() as u64),
        exactly("IPv4 routes", lines("ip -4 route show table all")?),
        exactly("IPv6 routes", lines("ip -6 route show table all")?),
        exactly("IPv4 rules", lines("iptables-save")?),
        exactly("IPv6 rules", lines("ip6tables-save")?),
        exactly("UDP sockets", lines("cat /proc/net/udp /proc/net/udp6")?),
        exactly("TCP sockets", lines("cat /proc/net/tcp /proc/net/tcp6")?),
    ])
}

/// Records of addresses that rest, or have rested.
pub(super) fn resting(node: &Node) -> Result<u64> {
    Ok(number(&node.call(STATUS, &json!({}))?["restingAddresses"]))
}

/// Devices that `wg` knows, mesh and hub included.
pub(super) fn devices(node: &Node) -> Result<u64> {
    let devices = node.host().run(&["wg", "show", "interfaces"])?;
    Ok(devices.split_whitespace().count() as u64)
}

/// A number as JSON has it: 64 bits are a text, 0 is left out.
fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn entries(directory: &Path) -> u64 {
    fs::read_dir(directory).map_or(0, |entries| entries.count() as u64)
}

/// What the files below a directory take on the disk, in bytes.
fn size(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        sum += if path.is_dir() { size(&path)? } else { size_of(&path)? };
    }
    Ok(sum)
}

/// What a file takes; one that has just gone takes nothing.
fn size_of(file: &Path) -> Result<u64> {
    match fs::metadata(file) {
        Ok(metadata) => Ok(metadata.blocks() * 512),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn exactly(name: &'static str, value: u64) -> Count {
    Count { name, value, growth: Growth::None }
}

fn within(name: &'static str, value: u64, much: u64) -> Count {
    Count { name, value, growth: Growth::Within(much) }
}
