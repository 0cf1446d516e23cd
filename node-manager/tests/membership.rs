//! What the node believes of a cluster-manager that says what it likes.
#![allow(clippy::unwrap_used)]

mod manager;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use connectrpc::Router;
use manager::{Leases, Script};
use node_manager::attachments::Attachments;
use node_manager::channel::Channel;
use node_manager::config::{Config, Settings};
use node_manager::membership::{Ends, Files, Keys, LinkState, Membership, Uplink};
use node_manager::reconcile::{Kernel, Reconciler, Wish, Worker};
use tokio::net::TcpListener;
use tokio::sync::watch;
use wgcni_api::wireguard_v1::WatchPeersResponse;
use wgcni_api::{watch as watch_events, wireguard_v1};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::config::Flags;
use wgcni_daemon::serve::{Limits, until_shutdown};
use wgcni_dataplane::{Parts, Peer as HubPeer};
use wgcni_model::{Delta, Endpoints, History, NodeName, Peer, Prefixes, PrivateKey, PublicKey};
use wgcni_model::{Revision, Snapshot};
use wgcni_store::MemoryStore;

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
        let state = format!("--state-dir {}", dir.path().display());
        let config = Arc::new(config(serve(&script).await, &format!("{state} {flags}")));
        let channel = Channel::open(&config).unwrap();
        let reconciler = Arc::new(Reconciler::default());
        let (store, r) = (MemoryStore::new(), Arc::clone(&reconciler));
        let attachments = Attachments::open(store, r, "boot", Duration::ZERO).await.unwrap();
        let files = Files::new(dir.path());
        let (a, r) = (Arc::new(attachments), Arc::clone(&reconciler));
        let keys = Keys { mesh: key(1), hub: key(2) };
        let uplink = Uplink::new(Ends { config, channel, keys, files: files.clone() }, a, r);
        let (membership, link) = (uplink.membership(), uplink.link());
        tokio::spawn(async move { uplink.run(&PrivateKey::from_random([1; 32])).await });
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
    let line = format!(
        "x --node one --endpoint 192.0.2.1 --cluster-manager http://{manager} \
         --insecure-plaintext {flags}"
    );
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

/// What is on the wire of a peer with these allowed IPs.
fn wire(name: &str, mesh_key: PublicKey, allowed: &[&str]) -> wireguard_v1::Peer {
    wireguard_v1::Peer {
        node: name.to_owned(),
        mesh_public_key: mesh_key.as_bytes().to_vec(),
        allowed_ips: allowed.iter().map(|&text| text.to_owned()).collect(),
        ..Default::default()
    }
}

/// What a thief beside this node and `two` claims, separated by blanks, and why not.
const CLAIMS: [(&str, &str); 18] = [
    ("0.0.0.0/0", "allowed_ips"),
    ("::/0", "allowed_ips"),
    ("128.0.0.0/1", "allowed_ips"),
    // The cluster's space; all, part and an address of another's; the same of this node's.
    ("10.64.0.0/12", "both claim"),
    ("10.64.2.0/24", "both claim"),
    ("10.64.2.128/25", "both claim"),
    ("10.64.2.9/32", "both claim"),
    ("10.64.1.0/24", "both claim"),
    ("10.64.1.7/32", "both claim"),
    ("192.0.2.0/24", "not inside the cluster"),
    ("fd00:bb::/64", "not inside the cluster"),
    ("::ffff:10.64.3.0/120", "allowed_ips"),
    ("127.0.0.0/24", "allowed_ips"),
    ("169.254.169.254/32", "allowed_ips"),
    ("10.64.3.1/24", "allowed_ips"),
    ("10.64.3.0/24\n", "allowed_ips"),
    ("10.64.3.0/24 10.64.4.0/24", "allowed_ips"),
    ("x", "allowed_ips"),
];

/// Lists that cannot be true, and why not.
fn forged() -> Vec<(Vec<wireguard_v1::Peer>, &'static str)> {
    let own = || wire("one", key(1), &["10.64.1.0/24"]);
    let with = |peer| vec![own(), wire("two", key(12), &["10.64.2.0/24"]), peer];
    let free = |name, key| wire(name, key, &["10.64.3.0/24"]);
    let low_order = |byte| {
        let mut peer = free("x", key(13));
        peer.mesh_public_key = vec![0; 32];
        peer.mesh_public_key[0] = byte;
        peer
    };
    let claims = CLAIMS.map(|(claims, why)| {
        (with(wire("x", key(13), &claims.split(' ').collect::<Vec<_>>())), why)
    });
    let others = [
        // This node is not listed, so that nothing overlaps.
        (vec![wire("x", key(13), &["10.64.1.7/32"])], "leased to this node"),
        (with(free("x", key(12))), "same key"),
        (with(free("x", key(1))), "key"),
        (vec![free("x", key(1))], "own mesh key"),
        (with(free("x", key(2))), "own hub key"),
        (vec![wire("one", key(66), &["10.64.1.0/24"])], "listed with key"),
        (vec![wire("one", key(1), &["10.64.9.0/24"])], "listed with lease"),
        (with(low_order(0)), "mesh_public_key"),
        (with(low_order(1)), "mesh_public_key"),
        (with(free("../x", key(13))), "node"),
    ];
    claims.into_iter().chain(others).collect()
}

#[tokio::test]
async fn a_forged_list_of_peers_is_refused() {
    for (peers, why) in forged() {
        let mut node = Node::new().await;
        node.say_all(1, [this(), peer("two", 12, "10.64.2.0/24")]);
        assert_eq!(node.believed(1).await, "one two");
        let what = format!("{peers:?}");
        let snapshot = wireguard_v1::Snapshot { peers, supersedes: true, ..Default::default() };
        node.say(WatchPeersResponse {
            revision: 2,
            history: history().to_string(),
            event: Some(snapshot.into()),
            ..Default::default()
        });
        let refused = node.refused().await;
        assert!(refused.contains(why), "{what}: {refused}");
        let held = node.membership.borrow().as_ref().unwrap().peers.clone();
        assert_eq!((held.revision, held.peers.len()), (Revision(1), 2), "{what}");
    }
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

#[tokio::test]
async fn a_removal_is_acknowledged_within_two_seconds() {
    let mut node = Node::new().await;
    let worker = Worker::start(Arc::clone(&node.reconciler), Willing, Duration::from_hours(1));
    let _worker = worker.unwrap();
    let mut applied = node.reconciler.subscribe();
    node.say_all(5, [this(), peer("two", 12, "10.64.2.0/24")]);
    assert_eq!(node.believed(5).await, "one two");
    let mut registered = node.script.registered.subscribe();
    for revision in 6..10 {
        node.say_change(revision, vec![], &["two"]);
        applied.wait_for(|applied| applied.revision == Revision(revision)).await.unwrap();
        let reported =
            registered.wait_for(|all| all.iter().any(|r| r.applied_revision == revision));
        tokio::time::timeout(Duration::from_secs(2), reported).await.unwrap().unwrap();
    }
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
