//! How soon 100 and 1,000 watchers have a new peer, beside clients that poll.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wgcni_api::client::ClusterManager;
use wgcni_api::watch::Event;
use wgcni_api::wireguard_v1::{ListPeersRequest, WatchPeersRequest};

use crate::process::{Process, join, name, register};
use crate::wire::Wire;
use crate::{Entry, percentile};

const NODES: u32 = 1000;
const ROUNDS: u32 = 20;
const POLLERS: u32 = 10;
/// RSS that the cluster-manager should stay below, in MB.
const RSS_GOAL: f64 = 60.0;

/// Somebody saw a node: its number, and when.
type Sighting = (u32, Instant);

pub async fn measure() -> Vec<Entry> {
    let process = Process::start();
    let client = process.client();
    for number in 0..10 {
        join(&client, number).await;
    }
    let small = bytes_per_event(&process, &client, 5000).await;
    for number in 10..NODES {
        join(&client, number).await;
    }
    let large = bytes_per_event(&process, &client, 6000).await;
    let few = soon(&process, &client, 100, 7000).await;
    let many = soon(&process, &client, 1000, 8000).await;
    drop(process);
    let (registered, watching) = memory().await;
    println!(
        "new peer at 100 watchers: p50 {:.1} ms; at 1,000: p50 {:.1} ms; polling: p50 {:.1} ms; \
         RSS with 1,000 nodes that do not watch: {registered:.1} MB",
        few.p50, many.p50, many.poll_p50
    );
    let entry = |name, ours, other, unit, n, beside| Entry { name, ours, other, unit, n, beside };
    let samples = (ROUNDS * 1000) as usize;
    let rounds = ROUNDS as usize;
    vec![
        entry(
            "watch_100_p99_ms",
            few.p99,
            few.poll_p99,
            "ms",
            samples / 10,
            "polling once a second",
        ),
        entry("watch_1000_p99_ms", many.p99, many.poll_p99, "ms", samples, "polling once a second"),
        entry("watch_bytes_per_event", large, small, "bytes", rounds, "1,000 nodes beside 10"),
        entry(
            "rss_cluster_manager",
            watching,
            RSS_GOAL,
            "MB",
            1,
            "1,000 nodes that watch; the goal",
        ),
    ]
}

/// Bytes that one watcher gets for one new peer.
#[allow(clippy::cast_precision_loss)]
async fn bytes_per_event(process: &Process, client: &ClusterManager, first: u32) -> f64 {
    let mut wire = Wire::open(process.address).await;
    let mut events = Vec::new();
    for number in first..first + ROUNDS {
        join(client, number).await;
        events.push(wire.bytes().await as f64);
    }
    percentile(&mut events, 0.5)
}

/// RSS in MB with 1,000 nodes, before and after each of them watches.
async fn memory() -> (f64, f64) {
    let process = Process::start();
    let client = process.client();
    for number in 0..NODES {
        join(&client, number).await;
    }
    let registered = process.rss();
    let (watched, mut sightings) = mpsc::unbounded_channel();
    let mut tasks = Vec::new();
    for _ in 0..NODES {
        tasks.push(watcher(process.client(), watched.clone()).await);
    }
    join(&client, NODES).await;
    seen(&mut sightings, NODES, NODES, Instant::now()).await;
    let watching = process.rss();
    tasks.iter().for_each(JoinHandle::abort);
    (registered, watching)
}

struct Soon {
    p50: f64,
    p99: f64,
    poll_p50: f64,
    poll_p99: f64,
}

async fn soon(process: &Process, client: &ClusterManager, watchers: u32, first: u32) -> Soon {
    let (watched, mut sightings) = mpsc::unbounded_channel();
    let (polled, mut polls) = mpsc::unbounded_channel();
    let mut tasks = Vec::new();
    for _ in 0..watchers {
        tasks.push(watcher(process.client(), watched.clone()).await);
    }
    for n in 0..POLLERS {
        let phase = Duration::from_secs(1) * n / POLLERS;
        tasks.push(tokio::spawn(poller(process.client(), phase, first, polled.clone())));
    }
    let (mut watch, mut poll) = (Vec::new(), Vec::new());
    for number in first..first + ROUNDS {
        // Not in step with the pollers.
        tokio::time::sleep(Duration::from_millis(u64::from(number * 37 % 1000))).await;
        let request =
            wgcni_api::ipam_v1::AllocateRequest { node: name(number), ..Default::default() };
        client.ipam.allocate(request).await.unwrap();
        let start = Instant::now();
        register(client, number).await;
        watch.extend(seen(&mut sightings, number, watchers, start).await);
        poll.extend(seen(&mut polls, number, POLLERS, start).await);
    }
    tasks.iter().for_each(JoinHandle::abort);
    Soon {
        p50: percentile(&mut watch, 0.5),
        p99: percentile(&mut watch, 0.99),
        poll_p50: percentile(&mut poll, 0.5),
        poll_p99: percentile(&mut poll, 0.99),
    }
}

/// Milliseconds until each of `count` saw the node.
async fn seen(
    sightings: &mut mpsc::UnboundedReceiver<Sighting>,
    number: u32,
    count: u32,
    start: Instant,
) -> Vec<f64> {
    let mut times = Vec::new();
    while times.len() < count as usize {
        let (node, at) = sightings.recv().await.unwrap();
        if node == number {
            times.push((at - start).as_secs_f64() * 1000.0);
        }
    }
    times
}

/// Watches over a connection of its own, like a node; returns once it has all peers.
async fn watcher(
    client: ClusterManager,
    sightings: mpsc::UnboundedSender<Sighting>,
) -> JoinHandle<()> {
    let mut stream = client.wireguard.watch_peers(WatchPeersRequest::default()).await.unwrap();
    stream.message().await.unwrap().unwrap();
    tokio::spawn(async move {
        while let Ok(Some(message)) = stream.message().await {
            let at = Instant::now();
            let event = Event::try_from(message.to_owned_message()).unwrap();
            if let Event::Delta(delta) = event {
                for peer in delta.upserted {
                    let _ = sightings.send((number(peer.node.as_str()), at));
                }
            }
        }
        drop(client);
    })
}

/// Asks for all peers once a second.
async fn poller(
    client: ClusterManager,
    phase: Duration,
    first: u32,
    sightings: mpsc::UnboundedSender<Sighting>,
) {
    tokio::time::sleep(phase).await;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut next = first;
    loop {
        ticks.tick().await;
        let list = client.wireguard.list_peers(ListPeersRequest::default()).await.unwrap();
        let at = Instant::now();
        let list = list.into_owned();
        let has = |node: u32| {
            list.peers
                .iter()
                .filter_map(|status| status.peer.as_option())
                .any(|p| p.node == name(node))
        };
        while has(next) {
            let _ = sightings.send((next, at));
            next += 1;
        }
    }
}

fn number(node: &str) -> u32 {
    node.trim_start_matches("node-").parse().unwrap()
}
