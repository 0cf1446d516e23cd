//! Durable leases per second with 64 clients, beside the same requests answered from
//! memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_manager::config::Config;
use cluster_manager::serve::serve_store;
use tokio::net::TcpListener;
use wgcni_api::client::ClusterManager;
use wgcni_api::ipam_v1::AllocateRequest;
use wgcni_daemon::CancellationToken;
use wgcni_daemon::logging::Format;
use wgcni_ipam::Lengths;
use wgcni_model::{Cluster, ClusterId, Prefixes};
use wgcni_store::{MemoryStore, SledStore, Store};

use crate::{Entry, percentile};

const CLIENTS: usize = 64;
const PER_CLIENT: usize = 100;
const ROUNDS: usize = 5;

pub async fn durable_rate() -> Entry {
    let (mut durable, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = Arc::new(SledStore::open(&dir.path().join("store")).unwrap());
        durable.push(rate(store).await);
        memory.push(rate(Arc::new(MemoryStore::new())).await);
    }
    Entry {
        name: "lease_durable_rate",
        ours: percentile(&mut durable, 0.5),
        other: percentile(&mut memory, 0.5),
        unit: "leases/s",
        n: ROUNDS * CLIENTS * PER_CLIENT,
        beside: "64 clients, the same RPC from memory; medians of alternating rounds",
    }
}

async fn rate(store: Arc<dyn Store>) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(serve_store(config(), store, listener, shutdown.clone()));
    let clients: Vec<_> = (0..CLIENTS).map(|n| (n, client(address))).collect();
    for (n, client) in &clients {
        allocate(client, format!("warm-{n}")).await;
    }
    let start = Instant::now();
    let asking = clients.into_iter().map(|(n, client)| {
        tokio::spawn(async move {
            for request in 0..PER_CLIENT {
                allocate(&client, format!("node-{n}-{request}")).await;
            }
        })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    #[allow(clippy::cast_precision_loss)]
    let rate = (CLIENTS * PER_CLIENT) as f64 / start.elapsed().as_secs_f64();
    shutdown.cancel();
    served.await.unwrap().unwrap();
    rate
}

fn client(address: SocketAddr) -> ClusterManager {
    let uri = format!("http://{address}").parse().unwrap();
    ClusterManager::plaintext(uri, Duration::from_secs(30))
}

async fn allocate(client: &ClusterManager, node: String) {
    let request = AllocateRequest { node, ..Default::default() };
    client.ipam.allocate(request).await.unwrap();
}

fn config() -> Config {
    let prefixes = ["10.64.0.0/12", "fd00::/48"].map(|prefix| prefix.parse().unwrap());
    Config {
        cluster: Cluster {
            id: ClusterId::from_random([7; 16]),
            prefixes: Prefixes::from_items(prefixes).unwrap(),
        },
        lease_lengths: Lengths { v4: 28, v6: 64 },
        listen: "127.0.0.1:0".parse().unwrap(),
        join_listen: "127.0.0.1:0".parse().unwrap(),
        advertise: Vec::new(),
        socket: "unused".into(),
        insecure_plaintext: true,
        state_dir: "unused".into(),
        whitelist_dir: "unused".into(),
        endpoint_cidrs: Vec::new(),
        quarantine: Duration::from_mins(1),
        takeover: Duration::from_secs(30),
        heartbeat: Duration::from_secs(10),
        log: String::new(),
        metrics_listen: None,
        otlp_endpoint: None,
        log_format: Format::Text,
    }
}
