//! ADD and DEL, one at a time and eight at once, beside the reference plugins
//! `bridge` and `host-local` on the same host.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use serde_json::json;

use super::memory;
use super::sample::{Entry, milliseconds, percentile};
use crate::cluster::{CONFLIST, Cluster};
use crate::cni::{Attachment, DIRECTORY, Network};
use crate::node::Node;
use crate::say;

const COUNT: usize = 100;

const PARALLEL: usize = 8;

/// Ours and the other take turns in portions of this size when eight run at once.
const PORTION: usize = 25;

const OTHER: &str = "20-bridge.conflist";

/// Milliseconds of each call.
#[derive(Default)]
struct Times {
    ours: Vec<f64>,
    other: Vec<f64>,
}

impl Times {
    fn entry(&self, name: &'static str, part: f64) -> Entry {
        Entry {
            name,
            ours: percentile(&self.ours, part),
            other: Some(percentile(&self.other, part)),
            unit: "ms",
            count: self.ours.len(),
        }
    }
}

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Del,
}

/// Measures; in the middle, with 100 attachments, the daemons' memory.
///
/// # Errors
/// When a plugin fails.
pub fn measure(cluster: &Cluster) -> Result<Vec<Entry>> {
    let node = cluster.add_node("ash")?;
    node.host().write(&format!("{DIRECTORY}/{OTHER}"), &bridge().to_string())?;
    let (ours, other) = (node.network()?, Network::read(node.host(), OTHER)?);
    let ours_to = attachments(cluster, "ours")?;
    let other_to = attachments(cluster, "other")?;

    let mut add = Times::default();
    for (one, two) in ours_to.iter().zip(&other_to) {
        add.ours.push(call(&ours, Verb::Add, one)?);
        add.other.push(call(&other, Verb::Add, two)?);
    }
    let mut entries = memory::measure(&node)?;
    let mut del = Times::default();
    for (one, two) in ours_to.iter().zip(&other_to) {
        del.ours.push(call(&ours, Verb::Del, one)?);
        del.other.push(call(&other, Verb::Del, two)?);
    }
    say::line(format!("  {COUNT} one at a time, on {}", describe(&node)?));
    let mut parallel = [Times::default(), Times::default()];
    for (one, two) in ours_to.chunks(PORTION).zip(other_to.chunks(PORTION)) {
        for (verb, times) in [Verb::Add, Verb::Del].into_iter().zip(&mut parallel) {
            times.ours.extend(at_once(&ours, verb, one)?);
            times.other.extend(at_once(&other, verb, two)?);
        }
    }
    say::line(format!("  {COUNT} by {PARALLEL} at once"));
    entries.extend([
        add.entry("cni_add_seq_p50", 0.5),
        add.entry("cni_add_seq_p99", 0.99),
        parallel[0].entry("cni_add_par8_p50", 0.5),
        parallel[0].entry("cni_add_par8_p99", 0.99),
        del.entry("cni_del_seq_p50", 0.5),
        del.entry("cni_del_seq_p99", 0.99),
        parallel[1].entry("cni_del_par8_p50", 0.5),
        parallel[1].entry("cni_del_par8_p99", 0.99),
    ]);
    Ok(entries)
}

/// IPv4 only: with IPv6 it would wait for duplicate address detection.
fn bridge() -> serde_json::Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "bridged",
        "plugins": [{
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": true,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.200.0.0/16"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": "/var/lib/wgcni/host-local",
            },
        }],
    })
}

fn attachments(cluster: &Cluster, what: &str) -> Result<Vec<Attachment>> {
    let one = |number| {
        let netns = cluster.lab().add_netns(&format!("{what}-{number}"))?;
        Ok(Attachment::new(netns.name(), &netns.path()))
    };
    (0..COUNT).map(one).collect()
}

fn call(network: &Network, verb: Verb, attachment: &Attachment) -> Result<f64> {
    let start = Instant::now();
    match verb {
        Verb::Add => network.add(attachment).map(drop)?,
        Verb::Del => network.del(attachment, None)?,
    }
    Ok(milliseconds(start.elapsed()))
}

/// Calls for all attachments, always so many at once.
fn at_once(network: &Network, verb: Verb, attachments: &[Attachment]) -> Result<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let times = Mutex::new(Vec::new());
    let worker = || -> Result<()> {
        while let Some(attachment) = attachments.get(next.fetch_add(1, Ordering::Relaxed)) {
            let time = call(network, verb, attachment)?;
            times.lock().unwrap_or_else(PoisonError::into_inner).push(time);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a worker panicked"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(times.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn describe(node: &Node) -> Result<String> {
    let peers = node.mesh_peers()?.len();
    Ok(format!("a node with {peers} peers and network {CONFLIST}"))
}
