//! What the node believes of a cluster-manager that says what it likes.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use connectrpc::{ConnectError, RequestContext, Response, Router, ServiceRequest};
use connectrpc::{ServiceResult, ServiceStream};
use node_manager::attachments::Attachments;
use node_manager::config::{Config, Settings};
use node_manager::membership::{Files, LinkState, Membership, Uplink};
use node_manager::reconcile::{Kernel, Reconciler, Wish, Worker};
use tokio::net::TcpListener;
use tokio::sync::watch;
use wgcni_api::ipam_service::IpamService;
use wgcni_api::wireguard_service::WireguardService;
use wgcni_api::wireguard_v1::{RegisterPeerRequest, WatchPeersResponse};
use wgcni_api::{ipam_v1, watch as watch_events, wireguard_v1};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::config::Flags;
use wgcni_daemon::serve::{Limits, until_shutdown};
use wgcni_dataplane::{Parts, Peer as HubPeer};
use wgcni_model::{Delta, Endpoints, History, NodeName, Peer, Prefixes, PrivateKey, PublicKey};
use wgcni_model::{Revision, Snapshot};
use wgcni_store::MemoryStore;

/// A cluster-manager that says what it is told.
#[derive(Default)]
struct Script {
    said: watch::Sender<Vec<WatchPeersResponse>>,
    registered: watch::Sender<Vec<RegisterPeerRequest>>,
    watched: watch::Sender<Vec<u64>>,
}

/// Everybody gets the same lease.
struct Leases;

#[allow(refining_impl_trait)]
impl IpamService for Leases {
    async fn allocate(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, ipam_v1::AllocateRequest>,
    ) -> ServiceResult<ipam_v1::AllocateResponse> {
        let lease = ipam_v1::Lease {
            node: request.node.to_owned(),
            prefixes: vec!["10.64.1.0/24".to_owned()],
            ..Default::default()
        };
        let cluster = ipam_v1::Cluster {
            cluster_id: format!("{:032x}", 7),
            prefixes: vec!["10.64.0.0/12".to_owned()],
            ..Default::default()
        };
        Response::ok(ipam_v1::AllocateResponse {
            lease: lease.into(),
            cluster: cluster.into(),
            ..Default::default()
        })
    }

    async fn release(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, ipam_v1::ReleaseRequest>,
    ) -> ServiceResult<ipam_v1::ReleaseResponse> {
        Err(ConnectError::unimplemented("release"))
    }

    async fn list(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, ipam_v1::ListRequest>,
    ) -> ServiceResult<ipam_v1::ListResponse> {
        Err(ConnectError::unimplemented("list"))
    }
}

#[allow(refining_impl_trait)]
impl WireguardService for Script {
    async fn register_peer(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wireguard_v1::RegisterPeerRequest>,
    ) -> ServiceResult<wireguard_v1::RegisterPeerResponse> {
        self.registered.send_modify(|all| all.push(request.to_owned_message()));
        Response::ok(wireguard_v1::RegisterPeerResponse::default())
    }

    async fn deregister_peer(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wireguard_v1::DeregisterPeerRequest>,
    ) -> ServiceResult<wireguard_v1::DeregisterPeerResponse> {
        Err(ConnectError::unimplemented("deregister"))
    }

    async fn list_peers(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wireguard_v1::ListPeersRequest>,
    ) -> ServiceResult<wireguard_v1::ListPeersResponse> {
        Err(ConnectError::unimplemented("list"))
    }

    async fn watch_peers(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wireguard_v1::WatchPeersRequest>,
    ) -> ServiceResult<ServiceStream<wireguard_v1::WatchPeersResponse>> {
        self.watched.send_modify(|all| all.push(request.after_revision));
        let said = self.said.subscribe();
        let events = futures::stream::unfold((said, 0), |(mut said, next)| async move {
            let event = said.wait_for(|said| said.len() > next).await.ok()?[next].clone();
            // An event without content stands for the end of the stream.
            event.event.is_some().then_some((Ok(event), (said, next + 1)))
        });
        Response::stream_ok(events)
    }
}

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    settings: Flags<Settings>,
}

/// A node whose keys are 1 (mesh) and 2 (hub), and its cluster-manager.
struct Node {
    script: Arc<Script>,
    membership: watch::Receiver<Option<Membership>>,
    link: watch::Receiver<LinkState>,
    reconciler: Arc<Reconciler>,
    files: Files,
    _dir: tempfile::TempDir,
}

impl Node {
    async fn new() -> Self {
        Self::with("").await
    }

    /// With more flags.
    async fn with(flags: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = Arc::new(Script::default());
        let config = Arc::new(config(serve(&script).await, flags));
        let reconciler = Arc::new(Reconciler::default());
        let (store, r) = (MemoryStore::new(), Arc::clone(&reconciler));
        let attachments = Attachments::open(store, r, "boot", Duration::ZERO).await.unwrap();
        let files = Files::new(dir.path());
        let (a, r) = (Arc::new(attachments), Arc::clone(&reconciler));
        let uplink = Uplink::new(config, (key(1), key(2)), files.clone(), a, r);
        let (membership, link) = (uplink.membership(), uplink.link());
        tokio::spawn(async move { uplink.run().await });
        Self { script, membership, link, reconciler, files, _dir: dir }
    }

    fn say(&self, event: WatchPeersResponse) {
        self.script.said.send_modify(|said| said.push(event));
    }

    fn say_all(&self, revision: u64, peers: impl IntoIterator<Item = Peer>) {
        let snapshot = Snapshot::new(history(), Revision(revision), peers);
        self.say(watch_events::snapshot(&snapshot, true));
    }

    /// What a cluster-manager says that lost its state: a history of its own, and no
    /// knowledge of what this node held.
    fn say_anew(&self, revision: u64, peers: impl IntoIterator<Item = Peer>) {
        let snapshot = Snapshot::new(History::from_random([8; 16]), Revision(revision), peers);
        self.say(watch_events::snapshot(&snapshot, false));
    }

    fn say_change(&self, revision: u64, upserted: Vec<Peer>, removed: &[&str]) {
        let removed = removed.iter().map(|name| name.parse().unwrap()).collect();
        let (after, revision) = (Revision(revision - 1), Revision(revision));
        let delta = Delta { history: history(), after, revision, upserted, removed };
        self.say(watch_events::change(&delta));
    }

    /// Names of the believed peers, once they are believed at this revision.
    async fn believed(&mut self, revision: u64) -> String {
        let at = |m: &Option<Membership>| {
            m.as_ref().is_some_and(|m| m.peers.revision == Revision(revision))
        };
        let found = tokio::time::timeout(SOON, self.membership.wait_for(at)).await;
        let found = found.unwrap().unwrap();
        let names = found.as_ref().unwrap().peers.peers.keys();
        names.map(NodeName::as_str).collect::<Vec<_>>().join(" ")
    }

    async fn refused(&mut self) -> String {
        let refused = self.link.wait_for(|link| link.peers.is_some());
        let link = tokio::time::timeout(SOON, refused).await.unwrap().unwrap();
        link.peers.as_ref().unwrap().to_string()
    }
}

const SOON: Duration = Duration::from_secs(30);

fn key(n: u8) -> PublicKey {
    PrivateKey::from_random([n; 32]).public_key()
}

fn history() -> History {
    History::from_random([9; 16])
}

fn peer(name: &str, n: u8, prefix: &str) -> Peer {
    Peer {
        node: name.parse().unwrap(),
        mesh_key: key(n),
        endpoints: Endpoints::default(),
        allowed_ips: Prefixes::from_items([prefix.parse().unwrap()]).unwrap(),
    }
}

/// The node as it should be listed.
fn this() -> Peer {
    peer("one", 1, "10.64.1.0/24")
}

async fn serve(script: &Arc<Script>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().add_service(Arc::new(Leases)).add_service(Arc::clone(script));
    let router = axum::Router::new().fallback_service(router.into_axum_service());
    tokio::spawn(until_shutdown(listener, router, Limits::default(), CancellationToken::new()));
    address
}

fn config(manager: SocketAddr, flags: &str) -> Config {
    let line =
        format!("x --node one --endpoint 192.0.2.1 --cluster-manager http://{manager} {flags}");
    let cli = Cli::parse_from(line.split_whitespace());
    let file = tempfile::NamedTempFile::new().unwrap();
    Config::load(Some(file.path().to_owned()), &cli.settings).unwrap()
}

#[tokio::test]
async fn peers_follow_the_stream_and_reach_the_disk() {
    let mut node = Node::new().await;
    node.say_all(1, [this(), peer("two", 12, "10.64.2.0/24")]);
    assert_eq!(node.believed(1).await, "one two");
    node.say_change(2, vec![peer("three", 13, "10.64.3.0/24")], &["two"]);
    assert_eq!(node.believed(2).await, "one three");
    let on_disk = || node.files.load(&"one".parse().unwrap()).unwrap().unwrap();
    let deadline = tokio::time::Instant::now() + SOON;
    while on_disk().peers.revision < Revision(2) {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(on_disk().peers.peers.len(), 2);
}

#[tokio::test]
async fn peers_that_cannot_be_true_are_refused_and_the_old_ones_stay() {
    let mut node = Node::new().await;
    node.say_all(1, [this(), peer("two", 12, "10.64.2.0/24")]);
    assert_eq!(node.believed(1).await, "one two");
    // A thief of another node's addresses, in a change and for good in what follows it.
    node.say_change(2, vec![peer("thief", 13, "10.64.2.128/25")], &[]);
    assert!(node.refused().await.contains("thief"));
    node.say_change(3, vec![peer("four", 14, "10.64.4.0/24")], &[]);
    node.say_change(4, vec![], &["thief"]);
    assert_eq!(node.believed(4).await, "four one two");
    assert_eq!(node.link.borrow().peers, None);
    // Another key under this node's own name.
    node.say_all(5, [peer("one", 66, "10.64.1.0/24")]);
    assert!(node.refused().await.starts_with("this node is listed with key"));
    assert_eq!(node.membership.borrow().as_ref().unwrap().peers.revision, Revision(4));
}

#[tokio::test]
async fn peers_stay_when_the_cluster_manager_comes_back_empty() {
    let mut node = Node::new().await;
    let two = || peer("two", 12, "10.64.2.0/24");
    node.say_all(70, [this(), two(), peer("three", 13, "10.64.3.0/24")]);
    assert_eq!(node.believed(70).await, "one three two");
    let calls = node.script.registered.borrow().len();
    node.say_anew(1, []);
    assert_eq!(node.believed(1).await, "three two");
    let mut registered = node.script.registered.subscribe();
    let again = registered.wait_for(|all| all.len() > calls);
    tokio::time::timeout(SOON, again).await.unwrap().unwrap();
    // One comes back with another key: that is news. The other one stays.
    node.say_change(2, vec![peer("two", 22, "10.64.2.0/24")], &[]);
    assert_eq!(node.believed(2).await, "three two");
    let key_of_two = |m: &Membership| m.peers.peers[&"two".parse().unwrap()].mesh_key;
    assert_eq!(node.membership.borrow().as_ref().map(key_of_two), Some(key(22)));
    assert!(node.link.borrow().kept.as_ref().unwrap().contains("1 peers"));
    // A node that starts now says what it held, so that it is told the same again.
    let on_disk = node.files.load(&"one".parse().unwrap()).unwrap().unwrap().peers;
    assert_eq!((&on_disk.history, on_disk.revision), (&history(), Revision(70)));
    assert_eq!(on_disk.peers.len(), 2);
    node.say_change(3, vec![this(), peer("three", 13, "10.64.3.0/24")], &[]);
    assert_eq!(node.believed(3).await, "one three two");
    assert_eq!(node.link.borrow().kept, None);
}

#[tokio::test]
async fn peers_that_do_not_come_back_are_forgotten_after_the_grace_time() {
    let mut node = Node::with("--keep-peers-seconds 0").await;
    node.say_all(7, [this(), peer("two", 12, "10.64.2.0/24")]);
    assert_eq!(node.believed(7).await, "one two");
    node.say_anew(1, [this()]);
    assert_eq!(node.believed(1).await, "one");
}

#[tokio::test]
async fn changes_that_do_not_follow_are_refused_and_asked_for_anew() {
    let mut node = Node::new().await;
    node.say_all(7, [this(), peer("two", 12, "10.64.2.0/24")]);
    assert_eq!(node.believed(7).await, "one two");
    node.say_change(9, vec![peer("three", 13, "10.64.3.0/24")], &[]);
    let mut watched = node.script.watched.subscribe();
    let again = tokio::time::timeout(SOON, watched.wait_for(|all| all.len() >= 2)).await;
    assert_eq!(again.unwrap().unwrap()[..2], [0, 0]);
    assert_eq!(node.membership.borrow().as_ref().unwrap().peers.revision, Revision(7));
}

#[tokio::test]
async fn stream_that_ends_is_resumed_where_it_was() {
    let mut node = Node::new().await;
    node.say_all(7, [this()]);
    assert_eq!(node.believed(7).await, "one");
    node.say(WatchPeersResponse::default());
    let mut watched = node.script.watched.subscribe();
    let twice = tokio::time::timeout(SOON, watched.wait_for(|all| all.len() >= 2)).await;
    assert_eq!(twice.unwrap().unwrap()[..2], [0, 7]);
}

#[tokio::test]
async fn applied_revision_is_reported_soon() {
    let mut node = Node::new().await;
    let worker = Worker::start(Arc::clone(&node.reconciler), Willing, Duration::from_hours(1));
    let _worker = worker.unwrap();
    node.say_all(5, [this()]);
    assert_eq!(node.believed(5).await, "one");
    let mut registered = node.script.registered.subscribe();
    let reported = registered.wait_for(|all| all.iter().any(|r| r.applied_revision == 5));
    let reported = tokio::time::timeout(Duration::from_secs(8), reported).await;
    let last = reported.unwrap().unwrap().last().unwrap().clone();
    assert_eq!((last.node.as_str(), last.endpoints), ("one", vec!["192.0.2.1:51820".to_owned()]));
    assert_eq!(last.mesh_public_key, key(1).as_bytes());
}

/// A kernel that does everything.
struct Willing;

impl Kernel for Willing {
    fn apply(&mut self, _: &Wish, _: Parts) -> Result<usize, String> {
        Ok(0)
    }

    fn hub_peer(&mut self, _: PublicKey) -> Result<Option<HubPeer>, String> {
        Ok(None)
    }
}
