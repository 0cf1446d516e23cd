//! Metrics: for whom, of what, and what they cost.

#![allow(clippy::unwrap_used, missing_docs)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "numbers on a page are floats; those that are compared are small and whole"
)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_manager::authz::{Kind, may};
use cluster_manager::serve::{Listeners, run};
use common::safe::{Safe, client};
use common::{config, refusal, registration};
use connectrpc::ErrorCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use wgcni_daemon::CancellationToken;
use wgcni_model::{PrivateKey, Revision};
use wgcni_store::MemoryStore;

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async fn get(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    stream.write_all(GET).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The page that root gets, once it is newer than what was just done.
async fn page(safe: &Safe) -> String {
    tokio::time::sleep(Duration::from_millis(1100)).await;
    get(UnixStream::connect(safe.path("cm.sock")).await.unwrap()).await
}

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {page}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_root_alone_and_count_whom_they_refuse() {
    let safe = Safe::new().await;
    let ann = safe.operator("ann").await;
    let before = page(&safe).await;
    assert!(before.starts_with("HTTP/1.1 200 "), "{before}");
    let denied = "wgcni_cluster_requests_denied_total";
    for kind in [Kind::Node, Kind::Operator, Kind::Anyone, Kind::Plaintext] {
        assert!(!may(wgcni_telemetry::PATH, kind), "{kind:?}");
    }
    // What the table does not allow is counted, on whatever listener.
    assert_eq!(
        refusal(common::allocate(&client(&ann), "ann").await).0,
        ErrorCode::PermissionDenied
    );
    let join = safe.bare().await;
    let answer = safe.http1(join.ca, GET).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    // Who does not speak TLS.
    drop(get_garbage(TcpStream::connect(safe.members).await.unwrap()).await);
    let after = page(&safe).await;
    assert_eq!(value(&after, denied) as u64, value(&before, denied) as u64 + 2, "{after}");
    let handshakes =
        "wgcni_cluster_connections_refused_total{listener=\"members\",reason=\"handshake\"}";
    assert_eq!(value(&after, handshakes) as u64, 1, "{after}");
    assert_eq!(
        value(&after, "wgcni_cluster_members{role=\"operator\",state=\"active\"}") as u64,
        1
    );
    safe.stop().await;
}

async fn get_garbage(mut stream: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.write_all(GET).await;
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_large_cluster_is_made_quickly() {
    const NODES: u16 = 3000;
    let mut config = config();
    let prefixes = ["10.0.0.0/8", "fd00::/48"].map(|prefix| prefix.parse().unwrap());
    config.cluster.prefixes = wgcni_model::Prefixes::from_items(prefixes).unwrap();
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (members, metrics) = (bind().await, bind().await);
    let (api, pages) = (members.local_addr().unwrap(), metrics.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let listeners = Listeners { members, joiners: None, root: None, metrics: Some(metrics) };
    let store = Arc::new(MemoryStore::new());
    let task = tokio::spawn(run(config, store, None, listeners, shutdown.clone()));
    let client = common::client(api);
    for number in 0..NODES {
        let key = |n: u8| {
            let mut bytes = [n; 32];
            bytes[8..10].copy_from_slice(&number.to_be_bytes());
            PrivateKey::from_random(bytes).public_key()
        };
        let mut registration = registration(1);
        registration.node = format!("n{number}").parse().unwrap();
        (registration.mesh_key, registration.hub_key) = (key(1), key(2));
        registration.applied = Revision(0);
        common::allocate(&client, registration.node.as_str()).await.unwrap();
        client.wireguard.register_peer((&registration).into()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let began = Instant::now();
    let page = get(TcpStream::connect(pages).await.unwrap()).await;
    let took = began.elapsed();
    eprintln!("{NODES} nodes: {took:?}, {} bytes", page.len());
    assert_eq!(value(&page, "wgcni_cluster_peers") as u64, u64::from(NODES));
    let lags = page.matches("wgcni_cluster_node_revision_lag{").count();
    assert_eq!(lags, usize::from(NODES));
    let used = "wgcni_cluster_leases{family=\"ipv4\",pool=\"10.0.0.0/8\",state=\"used\"}";
    assert_eq!(value(&page, used) as u64, u64::from(NODES));
    let behind = "wgcni_cluster_node_revision_lag{node=\"n0\"}";
    assert!(value(&page, behind) > 0.0, "it has applied nothing");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Whoever asks again at once puts no load on it.
    let began = Instant::now();
    get(TcpStream::connect(pages).await.unwrap()).await;
    assert!(began.elapsed() < took.max(Duration::from_millis(100)));
    shutdown.cancel();
    task.await.unwrap().unwrap();
}
