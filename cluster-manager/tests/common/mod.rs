//! A cluster-manager to talk to.

#![allow(clippy::unwrap_used, dead_code)]

pub mod safe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cluster_manager::config::Config;
use cluster_manager::serve::serve_store;
use connectrpc::{ConnectError, ErrorCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wgcni_api::client::ClusterManager;
use wgcni_api::ipam_v1::{AllocateRequest, ReleaseRequest};
use wgcni_api::watch::Event;
use wgcni_api::wireguard_v1::{DeregisterPeerRequest, WatchPeersRequest};
use wgcni_api::{Allocated, Registration};
use wgcni_daemon::CancellationToken;
use wgcni_ipam::Lengths;
use wgcni_model::{
    Cluster, ClusterId, Delta, Endpoints, History, Lease, Peer, Prefixes, PrivateKey, Revision,
    Snapshot,
};
use wgcni_store::{MemoryStore, Store};

/// Longest time that anything here may take.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A configuration with 16 leases.
pub fn config() -> Config {
    let prefixes = ["10.64.0.0/20", "fd00::/48"].map(|prefix| prefix.parse().unwrap());
    Config {
        cluster: Cluster {
            id: ClusterId::from_random([7; 16]),
            prefixes: Prefixes::from_items(prefixes).unwrap(),
        },
        lease_lengths: Lengths { v4: 24, v6: 64 },
        listen: "127.0.0.1:0".parse().unwrap(),
        join_listen: "127.0.0.1:0".parse().unwrap(),
        advertise: Vec::new(),
        socket: "/nowhere".into(),
        insecure_plaintext: true,
        state_dir: "/nowhere".into(),
        whitelist_dir: "/nowhere".into(),
        endpoint_cidrs: Vec::new(),
        quarantine: Duration::from_mins(1),
        takeover: Duration::from_secs(30),
        heartbeat: Duration::from_secs(10),
        metrics_listen: None,
        otlp_endpoint: None,
        log: "info".to_owned(),
        log_format: wgcni_daemon::logging::Format::Text,
    }
}

pub fn client(address: SocketAddr) -> ClusterManager {
    let uri = format!("http://{address}").parse().unwrap();
    ClusterManager::plaintext(uri, DEADLINE)
}

/// A cluster-manager in this process, over real sockets.
pub struct Served {
    pub address: SocketAddr,
    pub client: ClusterManager,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<anyhow::Result<()>>,
}

impl Served {
    pub async fn new() -> Self {
        Self::with(config(), Arc::new(MemoryStore::new())).await
    }

    pub async fn with(config: Config, store: Arc<dyn Store>) -> Self {
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve_store(config, store, listener, shutdown.clone()));
        Self { address, client: client(address), shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    pub async fn allocate(&self, node: &str) -> Result<Lease, ConnectError> {
        allocate(&self.client, node).await
    }

    pub async fn release(&self, node: &str) {
        let request = ReleaseRequest { node: node.to_owned(), ..Default::default() };
        self.client.ipam.release(request).await.unwrap();
    }

    pub async fn register(&self, registration: &Registration) -> Result<Revision, ConnectError> {
        let answer = self.client.wireguard.register_peer(registration.into()).await?;
        Ok(Revision(answer.into_owned().revision))
    }

    pub async fn deregister(&self, node: &str) -> Revision {
        let request = DeregisterPeerRequest { node: node.to_owned(), ..Default::default() };
        let answer = self.client.wireguard.deregister_peer(request).await.unwrap();
        Revision(answer.into_owned().revision)
    }

    /// Leases and registers.
    pub async fn join(&self, number: u8) -> Revision {
        self.allocate(&name(number)).await.unwrap();
        self.register(&registration(number)).await.unwrap()
    }

    pub async fn watch(&self, after: Revision, history: &History) -> Watcher {
        watch(&self.client, after, history).await
    }
}

pub async fn allocate(client: &ClusterManager, node: &str) -> Result<Lease, ConnectError> {
    let request = AllocateRequest { node: node.to_owned(), ..Default::default() };
    let answer = client.ipam.allocate(request).await?.into_owned();
    Ok(Allocated::try_from(answer).unwrap().lease)
}

pub fn name(number: u8) -> String {
    format!("node-{number}")
}

pub fn registration(number: u8) -> Registration {
    let endpoint = format!("192.0.2.{number}:51820").parse().unwrap();
    Registration {
        node: name(number).parse().unwrap(),
        mesh_key: PrivateKey::from_random([number; 32]).public_key(),
        hub_key: PrivateKey::from_random([number + 100; 32]).public_key(),
        endpoints: Endpoints::try_from(vec![endpoint]).unwrap(),
        applied: Revision(0),
    }
}

/// The code and the message of a refusal.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, ConnectError>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code, error.message.unwrap_or_default())
}

type Stream = connectrpc::client::ServerStream<
    <connectrpc::client::SharedHttp2Connection as connectrpc::client::ClientTransport>::ResponseBody,
    wgcni_api::wireguard_v1::__buffa::view::WatchPeersResponseView<'static>,
>;

/// A reader of the stream of peers.
pub struct Watcher {
    stream: Stream,
}

pub async fn watch(client: &ClusterManager, after: Revision, history: &History) -> Watcher {
    let request = WatchPeersRequest {
        after_revision: after.0,
        history: history.to_string(),
        ..Default::default()
    };
    Watcher { stream: client.wireguard.watch_peers(request).await.unwrap() }
}

impl Watcher {
    pub async fn next(&mut self) -> Option<Event> {
        let message = tokio::time::timeout(DEADLINE, self.stream.message()).await.unwrap();
        let message = message.unwrap()?;
        Some(Event::try_from(message.to_owned_message()).unwrap())
    }

    /// Whether another event came, or the stream is over one way or another.
    pub async fn goes_on(&mut self) -> bool {
        let next = tokio::time::timeout(DEADLINE, self.stream.message()).await.unwrap();
        next.is_ok_and(|message| message.is_some())
    }

    pub async fn snapshot(&mut self) -> Snapshot {
        match self.next().await {
            Some(Event::Snapshot { peers, .. }) => peers,
            other => panic!("expected a snapshot, got {other:?}"),
        }
    }

    pub async fn delta(&mut self) -> Delta {
        match self.next().await {
            Some(Event::Delta(delta)) => delta,
            other => panic!("expected a delta, got {other:?}"),
        }
    }

    /// Follows from a snapshot until a revision.
    pub async fn follow(&mut self, snapshot: &mut Snapshot, until: Revision) {
        while snapshot.revision < until {
            match self.next().await.unwrap() {
                Event::Snapshot { peers, .. } => *snapshot = peers,
                Event::Delta(delta) => snapshot.apply(delta).unwrap(),
                Event::Heartbeat(history) => snapshot.history = history,
            }
        }
    }
}

pub fn names<'a>(peers: impl IntoIterator<Item = &'a Peer>) -> Vec<String> {
    peers.into_iter().map(|peer| peer.node.to_string()).collect()
}
