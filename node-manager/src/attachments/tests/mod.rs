#![allow(clippy::unwrap_used)]
//! Attachments over a real store and a recording kernel.

mod any_order;

use super::*;
use crate::membership::Membership;
use crate::reconcile::{Kernel, Wish, Worker};
use std::collections::{BTreeMap, BTreeSet};
use wgcni_api::node::Namespace;
use wgcni_dataplane::Parts;
use wgcni_model::Revision;
use wgcni_model::{Cluster, ClusterId, NamespaceId, Prefixes, PrivateKey, Snapshot};
use wgcni_store::{Commit, Loaded, MemoryStore, Transaction, Watch};

/// A store that survives its users.
#[derive(Clone)]
struct Disk(Arc<MemoryStore>);

impl Store for Disk {
    fn load(&self) -> Loaded {
        self.0.load()
    }
    fn commit(&self, transaction: Transaction) -> Commit<'_> {
        self.0.commit(transaction)
    }
    fn watch(&self, after: Revision) -> Watch {
        self.0.watch(after)
    }
}

/// Peers as a kernel would have them.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    peers: BTreeMap<PublicKey, Addresses>,
    refuse: bool,
}

impl Kernel for Recorder {
    fn apply(&mut self, wish: &Wish, _: Parts) -> Result<usize, String> {
        let mut recorded = self.0.lock().unwrap();
        if recorded.refuse {
            return Err("no buffer space".to_owned());
        }
        recorded.peers.clone_from(&wish.containers);
        Ok(1)
    }

    fn hub_peer(&mut self, key: PublicKey) -> Result<Option<Peer>, String> {
        let peers = &self.0.lock().unwrap().peers;
        Ok(peers.get(&key).map(|addresses| Peer {
            allowed_ips: addresses.iter().map(Into::into).collect(),
            ..Peer::default()
        }))
    }
}

/// A node in one boot.
struct Node {
    attachments: Arc<Attachments<Disk>>,
    kernel: Recorder,
    reconciler: Arc<Reconciler>,
    disk: Disk,
    _worker: Worker,
}

impl Node {
    async fn boot(disk: Disk, kernel: Recorder, boot: &str, lease: &str) -> Self {
        let reconciler = Arc::new(Reconciler::default());
        let r = Arc::clone(&reconciler);
        let quarantine = Duration::from_mins(1);
        let attachments = Attachments::open(disk.clone(), r, boot, quarantine).await.unwrap();
        let membership = membership(lease);
        attachments.adopt(&membership.lease).unwrap();
        reconciler.set_membership(membership);
        let resync = Duration::from_hours(1);
        let worker = Worker::start(Arc::clone(&reconciler), kernel.clone(), resync).unwrap();
        reconciler.subscribe().wait_for(|applied| applied.ready).await.unwrap();
        let attachments = Arc::new(attachments);
        Self { attachments, kernel, reconciler, disk, _worker: worker }
    }

    async fn new() -> Self {
        let disk = Disk(Arc::new(MemoryStore::new()));
        Self::boot(disk, Recorder::default(), "boot-1", "10.64.1.0/24").await
    }

    async fn restart(self, boot: &str) -> Self {
        let Self { disk, kernel, .. } = self;
        Self::boot(disk, kernel, boot, "10.64.1.0/24").await
    }

    async fn attach(&self, attach: &Attach) -> Result<Addresses, AttachError> {
        self.attachments.attach(attach.clone()).await.map(|record| record.addresses)
    }

    async fn detach(&self, key: &AttachmentKey) {
        let detach = Detach { key: key.clone(), public_key: None };
        self.attachments.detach(detach).await.unwrap();
    }

    fn peers(&self) -> BTreeMap<PublicKey, Addresses> {
        self.kernel.0.lock().unwrap().peers.clone()
    }

    fn refuse(&self, refuse: bool) {
        self.kernel.0.lock().unwrap().refuse = refuse;
    }
}

fn prefixes(text: &str) -> Prefixes {
    Prefixes::from_items([text.parse().unwrap()]).unwrap()
}

fn membership(lease: &str) -> Membership {
    let id = ClusterId::from_random([1; 16]);
    Membership {
        cluster: Arc::new(Cluster { id, prefixes: prefixes("10.64.0.0/12") }),
        lease: Arc::new(Lease { node: "one".parse().unwrap(), prefixes: prefixes(lease) }),
        peers: Arc::new(Snapshot::default()),
    }
}

fn key(container: &str) -> AttachmentKey {
    AttachmentKey {
        network: "wgnet".parse().unwrap(),
        container_id: container.parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

/// Container `name` in namespace `inode`, with key `n`.
fn request(name: &str, inode: u64, n: u8) -> Attach {
    Attach {
        key: key(name),
        namespace: Namespace { path: "/ns".to_owned(), id: NamespaceId { device: 4, inode } },
        public_key: PrivateKey::from_random([n; 32]).public_key(),
        requested: None,
    }
}

fn wanting(mut attach: Attach, address: &str) -> Attach {
    attach.requested = Some(one(address));
    attach
}

fn one(address: &str) -> Addresses {
    Addresses::from_items([address.parse().unwrap()]).unwrap()
}

#[tokio::test]
async fn second_attach_in_the_same_namespace_is_refused_and_touches_nothing() {
    let node = Node::new().await;
    let first = node.attach(&request("a", 1, 1)).await.unwrap();
    let before = (node.peers(), node.disk.load());
    let error = node.attach(&request("a", 1, 2)).await.unwrap_err();
    assert!(matches!(error, AttachError::Exists(..)), "{error}");
    assert_eq!((node.peers(), node.disk.load()), before);
    assert_eq!(first, one("10.64.1.2"));
}

#[tokio::test]
async fn another_namespace_or_boot_replaces_the_attachment_and_keeps_the_address() {
    let node = Node::new().await;
    let first = node.attach(&request("a", 1, 1)).await.unwrap();
    assert_eq!(node.attach(&request("a", 2, 2)).await.unwrap(), first);
    let new = request("a", 2, 2).public_key;
    assert_eq!(node.peers(), BTreeMap::from([(new, first)]));
    // The same numbers in another boot are another namespace.
    let node = node.restart("boot-2").await;
    assert!(node.peers().is_empty());
    let again = wanting(request("a", 2, 3), "10.64.1.2");
    assert_eq!(node.attach(&again).await.unwrap(), first);
}

#[tokio::test]
async fn attachments_survive_a_restart_and_unfinished_ones_do_not() {
    let node = Node::new().await;
    let kept = node.attach(&request("kept", 1, 1)).await.unwrap();
    node.attach(&request("half", 2, 2)).await.unwrap();
    let mut half = node.attachments.get(&key("half")).unwrap();
    half.phase = record::Phase::Pending;
    let unfinished = Transaction::new().put(&half.name(), record::encode(&half));
    node.disk.commit(unfinished).await.unwrap();
    let node = node.restart("boot-1").await;
    assert_eq!(node.peers(), BTreeMap::from([(request("kept", 1, 1).public_key, kept)]));
    assert!(node.attach(&request("half", 2, 3)).await.is_ok());
}

#[tokio::test]
async fn wanted_addresses_are_given_when_free_or_last_held() {
    let node = Node::new().await;
    let nine = wanting(request("a", 1, 1), "10.64.1.9");
    assert_eq!(node.attach(&nine).await.unwrap(), one("10.64.1.9"));
    node.detach(&key("a")).await;
    let error = node.attach(&wanting(request("b", 2, 2), "10.64.1.9")).await.unwrap_err();
    assert!(error.to_string().contains("10.64.1.9/32 is not free"), "{error}");
    for taken in ["10.64.1.1", "10.64.1.255", "10.65.0.1"] {
        assert!(node.attach(&wanting(request("b", 2, 2), taken)).await.is_err(), "{taken}");
    }
    let node = node.restart("boot-1").await;
    assert_eq!(node.attach(&nine).await.unwrap(), one("10.64.1.9"));
    assert_eq!(node.peers().len(), 1);
}

#[tokio::test]
async fn attach_that_the_kernel_refuses_leaves_nothing() {
    let node = Node::new().await;
    node.attach(&request("a", 1, 1)).await.unwrap();
    node.refuse(true);
    let error = node.attach(&request("b", 2, 2)).await.unwrap_err();
    assert!(crate::errors::chain(&error).ends_with("no buffer space"), "{error:?}");
    node.refuse(false);
    assert_eq!(node.attachments.usage().0, 1);
    node.attach(&request("c", 3, 3)).await.unwrap();
    let keys: BTreeSet<PublicKey> = node.peers().into_keys().collect();
    let wanted = [request("a", 1, 1), request("c", 3, 3)].map(|r| r.public_key);
    assert_eq!(keys, BTreeSet::from(wanted));
    let records = node.disk.load().records;
    assert!(!records.keys().any(|name| name.as_str().contains("/b/")), "{records:?}");
}

#[tokio::test]
async fn detach_undoes_only_the_attachment_that_is_meant() {
    let node = Node::new().await;
    node.attach(&request("a", 1, 1)).await.unwrap();
    let other = Some(request("a", 1, 9).public_key);
    node.attachments.detach(Detach { key: key("a"), public_key: other }).await.unwrap();
    node.attachments.detach_before(&key("a"), UNIX_EPOCH).await.unwrap();
    assert_eq!(node.peers().len(), 1);
    let own = Some(request("a", 1, 1).public_key);
    node.attachments.detach(Detach { key: key("a"), public_key: own }).await.unwrap();
    assert!(node.peers().is_empty());
    node.detach(&key("a")).await;
    node.detach(&key("never-there")).await;
}

#[tokio::test]
async fn detach_that_comes_during_an_attach_wins() {
    let node = Node::new().await;
    for n in 1..=20 {
        let attachments = Arc::clone(&node.attachments);
        let attach = tokio::spawn(async move { attachments.attach(request("a", 1, n)).await });
        tokio::task::yield_now().await;
        node.detach(&key("a")).await;
        attach.await.unwrap().unwrap();
        assert!(node.peers().is_empty());
    }
}

#[tokio::test]
async fn one_key_cannot_be_used_by_two_attachments() {
    let node = Node::new().await;
    node.attach(&request("a", 1, 1)).await.unwrap();
    let error = node.attach(&request("b", 2, 1)).await.unwrap_err();
    assert!(matches!(error, AttachError::KeyTaken(_)), "{error}");
}

#[tokio::test]
async fn check_names_what_the_hub_lacks() {
    let node = Node::new().await;
    assert!(matches!(node.attachments.check(&key("a")).await, Err(CheckError::Missing(_))));
    node.attach(&request("a", 1, 1)).await.unwrap();
    assert!(node.attachments.check(&key("a")).await.is_ok());
    let peer = request("a", 1, 1).public_key;
    node.kernel.0.lock().unwrap().peers.insert(peer, one("10.64.1.99"));
    let error = node.attachments.check(&key("a")).await.unwrap_err();
    assert!(error.to_string().ends_with("lacks 10.64.1.2"), "{error}");
    node.kernel.0.lock().unwrap().peers.clear();
    assert!(matches!(node.attachments.check(&key("a")).await, Err(CheckError::Peer(..))));
}

#[tokio::test]
async fn prune_takes_away_what_is_not_listed_and_nothing_without_a_list() {
    let node = Node::new().await;
    for (name, n) in [("a", 1), ("b", 2), ("c", 3)] {
        node.attach(&request(name, n.into(), n)).await.unwrap();
    }
    let mut foreign = request("other", 4, 4);
    foreign.key.network = "othernet".parse().unwrap();
    node.attach(&foreign).await.unwrap();
    let prune = |valid| Prune { network: "wgnet".parse().unwrap(), valid };
    assert!(node.attachments.prune(prune(None)).await.unwrap().is_empty());
    let valid = BTreeSet::from([(key("b").container_id, key("b").ifname)]);
    let removed = node.attachments.prune(prune(Some(valid))).await.unwrap();
    assert_eq!(removed, [key("a"), key("c")]);
    assert_eq!(node.peers().len(), 2);
}

#[tokio::test]
async fn another_lease_is_refused_while_attachments_have_addresses() {
    let node = Node::new().await;
    let other = membership("10.64.7.0/24").lease;
    node.attach(&request("a", 1, 1)).await.unwrap();
    let error = node.attachments.adopt(&other).unwrap_err().to_string();
    assert!(error.contains("10.64.7.0/24") && error.contains("10.64.1.0/24"), "{error}");
    node.detach(&key("a")).await;
    node.attachments.adopt(&other).unwrap();
    assert_eq!(node.attach(&request("a", 1, 1)).await.unwrap(), one("10.64.7.2"));
}

#[tokio::test]
async fn exhausted_lease_says_so_with_the_numbers_and_parallel_attaches_share_passes() {
    let disk = Disk(Arc::new(MemoryStore::new()));
    let node = Node::boot(disk, Recorder::default(), "boot-1", "10.64.1.0/28").await;
    let attach = |n: u8| {
        let attachments = Arc::clone(&node.attachments);
        async move { attachments.attach(request(&format!("c{n}"), n.into(), n + 1)).await }
    };
    let done = join_all((0..13).map(attach)).await;
    let given: BTreeSet<String> =
        done.into_iter().map(|record| record.unwrap().addresses.to_string()).collect();
    assert_eq!(given.len(), 13);
    let error = attach(13).await.unwrap_err().to_string();
    assert!(error.contains("13 of 13 in use"), "{error}");
    assert_eq!(node.reconciler.subscribe().borrow().sequence, 13);
}
