//! A node whose store is in memory and whose kernel writes down what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wgcni_api::node::{Attach, Detach, Namespace};
use wgcni_dataplane::{Parts, Peer};
use wgcni_model::{Addresses, AttachmentKey, Cluster, ClusterId, Lease, NamespaceId};
use wgcni_model::{Prefixes, PrivateKey, PublicKey, Revision, Snapshot};
use wgcni_store::{Commit, Key, Loaded, MemoryStore, Record, Store, Transaction, Watch};

use super::super::{AttachError, Attachments};
use crate::membership::Membership;
use crate::reconcile::{Kernel, Reconciler, Wish, Worker};

/// A store that survives its users.
#[derive(Clone)]
pub(super) struct Disk(pub(super) Arc<MemoryStore>);

impl Store for Disk {
    fn load(&self) -> Loaded {
        self.0.load()
    }
    fn get(&self, key: &Key) -> Option<Record> {
        self.0.get(key)
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
pub(super) struct Recorder(pub(super) Arc<Mutex<Recorded>>);

#[derive(Default)]
pub(super) struct Recorded {
    pub(super) peers: BTreeMap<PublicKey, Addresses>,
    pub(super) refuse: bool,
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
pub(super) struct Node {
    pub(super) attachments: Arc<Attachments<Disk>>,
    pub(super) kernel: Recorder,
    pub(super) reconciler: Arc<Reconciler>,
    pub(super) disk: Disk,
    _worker: Worker,
}

impl Node {
    pub(super) async fn boot(disk: Disk, kernel: Recorder, boot: &str, lease: &str) -> Self {
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

    pub(super) async fn new() -> Self {
        let disk = Disk(Arc::new(MemoryStore::new()));
        Self::boot(disk, Recorder::default(), "boot-1", "10.64.1.0/24").await
    }

    pub(super) async fn restart(self, boot: &str) -> Self {
        let Self { disk, kernel, .. } = self;
        Self::boot(disk, kernel, boot, "10.64.1.0/24").await
    }

    pub(super) async fn attach(&self, attach: &Attach) -> Result<Addresses, AttachError> {
        self.attachments.attach(attach.clone(), 1420).await.map(|record| record.addresses)
    }

    pub(super) async fn detach(&self, key: &AttachmentKey) {
        let detach = Detach { key: key.clone(), public_key: None, started: None };
        self.attachments.detach(detach).await.unwrap();
    }

    pub(super) fn peers(&self) -> BTreeMap<PublicKey, Addresses> {
        self.kernel.0.lock().unwrap().peers.clone()
    }

    pub(super) fn refuse(&self, refuse: bool) {
        self.kernel.0.lock().unwrap().refuse = refuse;
    }
}

pub(super) fn prefixes(text: &str) -> Prefixes {
    Prefixes::from_items([text.parse().unwrap()]).unwrap()
}

pub(super) fn membership(lease: &str) -> Membership {
    let id = ClusterId::from_random([1; 16]);
    Membership {
        cluster: Arc::new(Cluster { id, prefixes: prefixes("10.64.0.0/12") }),
        lease: Arc::new(Lease { node: "one".parse().unwrap(), prefixes: prefixes(lease) }),
        peers: Arc::new(Snapshot::default()),
    }
}

pub(super) fn key(container: &str) -> AttachmentKey {
    AttachmentKey {
        network: "wgnet".parse().unwrap(),
        container_id: container.parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

/// Container `name` in namespace `inode`, with key `n`.
pub(super) fn request(name: &str, inode: u64, n: u8) -> Attach {
    Attach {
        key: key(name),
        namespace: Namespace {
            path: "/ns".to_owned(),
            id: NamespaceId { device: 4, inode, cookie: None },
        },
        public_key: PrivateKey::from_random([n; 32]).public_key(),
        requested: None,
        started: None,
    }
}

pub(super) fn wanting(mut attach: Attach, address: &str) -> Attach {
    attach.requested = Some(one(address));
    attach
}

pub(super) fn one(address: &str) -> Addresses {
    Addresses::from_items([address.parse().unwrap()]).unwrap()
}
