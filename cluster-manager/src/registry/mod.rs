//! Leases and peers: decided on a cache of the store, answered once durable.

mod plan;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use wgcni_api::Registration;
use wgcni_ipam::{Allocator, Usage};
use wgcni_model::{Cluster, Delta, History, Lease, NodeName, Peer, PublicKey, Revision, Snapshot};
use wgcni_store::{Changes, CommitError, Store, Transaction};

use crate::Refusal;
use crate::config::Config;
use crate::records::{Row, SettingsRow, settings_key};
use plan::Plan;
pub use state::BadRecord;
use state::State;

/// How often a request decides again because others changed the same records.
const ATTEMPTS: usize = 8;

/// The registry did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A record makes no sense.
    #[error("store: {0}; it was written by another version, or is damaged")]
    Record(#[from] BadRecord),
    /// The store is another cluster's.
    #[error(
        "the store is of cluster {stored}, and the configuration says {configured}; \
         use that cluster's configuration, or another state_dir"
    )]
    OtherCluster {
        /// What the store says.
        stored: String,
        /// What the configuration says.
        configured: String,
    },
    /// The prefixes do not work.
    #[error(transparent)]
    Prefixes(#[from] wgcni_model::Invalid),
    /// The store refused the settings.
    #[error("write the cluster's settings: {0}")]
    Store(#[from] CommitError),
}

/// A released lease that rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// As it was.
    pub lease: Lease,
    /// When it may be given again.
    pub free_at: Duration,
}

/// All leases at one time.
#[derive(Debug, Clone)]
pub struct Leases {
    /// In use, by node.
    pub leased: Vec<Lease>,
    /// At rest.
    pub resting: Vec<Resting>,
    /// How full each family is.
    pub pools: Vec<Usage>,
}

/// A peer, with what only operators need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub peer: Peer,
    /// Its hub key.
    pub hub_key: PublicKey,
    /// Its last sign of life.
    pub seen: Option<Seen>,
}

/// A node's sign of life; not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When, since the Unix epoch.
    pub at: Duration,
    /// The revision that it had applied.
    pub applied: Revision,
}

/// The cluster.
pub struct Registry {
    store: Arc<dyn Store>,
    state: Mutex<State>,
    seen: Mutex<BTreeMap<NodeName, Seen>>,
    config: Config,
    /// Up to where the cache has followed the store.
    followed: watch::Sender<Revision>,
}

impl Registry {
    /// Loads the cluster from its store; writes its settings when it is new.
    ///
    /// # Errors
    /// When the store is another cluster's, or a record makes no sense.
    pub async fn start(store: Arc<dyn Store>, config: &Config) -> Result<Self, StartError> {
        ensure_settings(&*store, config).await?;
        let state = load(&*store, config)?;
        let (followed, _) = watch::channel(state.revision);
        Ok(Self {
            store,
            state: Mutex::new(state),
            seen: Mutex::default(),
            config: config.clone(),
            followed,
        })
    }

    /// Leases address space to a node, the same again when it has some.
    ///
    /// # Errors
    /// When the address space is used up, or the store fails.
    pub async fn allocate(&self, node: &NodeName, now: Duration) -> Result<Lease, Refusal> {
        for _ in 0..ATTEMPTS {
            let plan = self.state().plan_allocate(node, now)?;
            let (transaction, lease) = match plan {
                Plan::Done(lease) => return Ok(lease),
                Plan::Commit(transaction, lease) => (transaction, lease),
            };
            if self.commit(transaction).await?.is_some() {
                tracing::info!(%node, prefixes = %lease.prefixes, "leased");
                return Ok(lease);
            }
            self.state().drop_plan(node);
        }
        Err(Refusal::Contended(node.clone()))
    }

    /// Takes a node's lease back, and the node out of the mesh.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release(&self, node: &NodeName, now: Duration) -> Result<(), Refusal> {
        for _ in 0..ATTEMPTS {
            let plan = self.state().plan_release(node, now);
            let Plan::Commit(transaction, ()) = plan else { return Ok(()) };
            if self.commit(transaction).await?.is_some() {
                self.seen().remove(node);
                tracing::info!(%node, "released");
                return Ok(());
            }
        }
        Err(Refusal::Contended(node.clone()))
    }

    /// Puts a node into the mesh, or notes its sign of life; says at which revision
    /// its registration stands.
    ///
    /// # Errors
    /// When it has no lease, a key is another's, an endpoint is inside the overlay, or
    /// the store fails.
    pub async fn register(
        &self,
        wanted: &Registration,
        now: Duration,
    ) -> Result<Revision, Refusal> {
        for _ in 0..ATTEMPTS {
            let plan = self.state().plan_register(wanted)?;
            let revision = match plan {
                Plan::Done(revision) => Some(revision),
                Plan::Commit(transaction, _) => {
                    let revision = self.commit(transaction).await?;
                    if let Some(revision) = revision {
                        let (node, key) = (&wanted.node, wanted.mesh_key);
                        tracing::info!(%node, %key, %revision, "registered");
                    }
                    revision
                }
            };
            if let Some(revision) = revision {
                let seen = Seen { at: now, applied: wanted.applied };
                self.seen().insert(wanted.node.clone(), seen);
                return Ok(revision);
            }
        }
        Err(Refusal::Contended(wanted.node.clone()))
    }

    /// Takes a node out of the mesh; says at which revision it is out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deregister(&self, node: &NodeName) -> Result<Revision, Refusal> {
        for _ in 0..ATTEMPTS {
            let plan = self.state().plan_deregister(node);
            let transaction = match plan {
                Plan::Done(revision) => return Ok(revision),
                Plan::Commit(transaction, _) => transaction,
            };
            if let Some(revision) = self.commit(transaction).await? {
                self.seen().remove(node);
                tracing::info!(%node, %revision, "deregistered");
                return Ok(revision);
            }
        }
        Err(Refusal::Contended(node.clone()))
    }

    /// Commits, and waits until the cache has followed; `None` when others changed
    /// what the transaction was decided on.
    async fn commit(&self, transaction: Transaction) -> Result<Option<Revision>, Refusal> {
        let (revision, outcome) = match self.store.commit(transaction).await {
            Ok(revision) => (revision, Some(revision)),
            Err(CommitError::Conflict { changed, .. }) => (changed, None),
            Err(error) => return Err(Refusal::Store(error)),
        };
        // The sender lives as long as `self`, so this only ever waits.
        let _ = self.followed.subscribe().wait_for(|followed| *followed >= revision).await;
        Ok(outcome)
    }

    /// All leases.
    pub fn leases(&self, now: Duration) -> Leases {
        let state = self.state();
        let mut resting: BTreeMap<(NodeName, Duration), Vec<_>> = BTreeMap::new();
        for (prefix, stored) in &state.prefixes {
            let Some(released) = stored.row.released else { continue };
            let free_at = Duration::from_millis(released) + self.config.quarantine;
            if free_at > now {
                resting.entry((stored.row.node.clone(), free_at)).or_default().push(*prefix);
            }
        }
        let resting = resting.into_iter().filter_map(|((node, free_at), prefixes)| {
            let prefixes = wgcni_model::Prefixes::from_items(prefixes).ok()?;
            Some(Resting { lease: Lease { node, prefixes }, free_at })
        });
        Leases {
            leased: state.leases.keys().filter_map(|node| state.lease(node)).collect(),
            resting: resting.collect(),
            pools: state.usage(now),
        }
    }

    /// All peers, at a revision.
    pub fn peers(&self) -> (Revision, Vec<PeerStatus>) {
        let state = self.state();
        let seen = self.seen();
        let status = |peer: Peer| {
            let hub_key = state.peers.get(&peer.node)?.row.hub_key;
            Some(PeerStatus { seen: seen.get(&peer.node).copied(), hub_key, peer })
        };
        let peers = state.peers.keys().filter_map(|node| status(state.peer(node)?));
        (state.revision, peers.collect())
    }

    /// What every node of the cluster agrees on.
    pub fn cluster(&self) -> Cluster {
        self.state().cluster.clone()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state().snapshot()
    }

    pub(crate) fn delta(&self, after: Revision) -> Option<Delta> {
        self.state().delta(after)
    }

    pub(crate) fn history(&self) -> History {
        self.state().history.clone()
    }

    pub(crate) fn revision(&self) -> Revision {
        self.state().revision
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Announces every revision that the cache has followed to.
    pub(crate) fn followed(&self) -> watch::Receiver<Revision> {
        self.followed.subscribe()
    }

    /// Follows the store by one step.
    pub(crate) fn follow(&self, changes: &Changes) -> Result<(), StartError> {
        let mut state = self.state();
        state.apply(changes)?;
        self.followed.send_replace(state.revision);
        Ok(())
    }

    /// Forgets the cache, and the plans with it, and takes in the whole store.
    pub(crate) fn reload(&self) -> Result<(), StartError> {
        let mut state = self.state();
        *state = load(&*self.store, &self.config)?;
        self.followed.send_replace(state.revision);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way through a change of the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<NodeName, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(store: &dyn Store, config: &Config) -> Result<State, StartError> {
    let allocator =
        Allocator::subnets(config.cluster.prefixes, config.lease_lengths, config.quarantine)?;
    let mut state = State::new(config.cluster.clone(), allocator);
    state.load(store.load())?;
    Ok(state)
}

/// The settings of a store with leases are those that the leases were made from.
async fn ensure_settings(store: &dyn Store, config: &Config) -> Result<(), StartError> {
    let key = settings_key();
    let wanted = SettingsRow {
        cluster: config.cluster.clone(),
        lease_length_v4: config.lease_lengths.v4,
        lease_length_v6: config.lease_lengths.v6,
    };
    let loaded = store.load();
    let transaction = match loaded.records.get(&key) {
        None => Transaction::new().create(&key, wanted.encode()),
        Some(record) => {
            let stored = SettingsRow::decode(&record.value);
            let stored = stored.map_err(|reason| BadRecord::new(key.clone(), reason))?;
            if stored == wanted {
                return Ok(());
            }
            let leased = loaded.records.keys().any(|key| key.table() == "leases");
            if leased || stored.cluster.id != wanted.cluster.id {
                let (stored, configured) = (describe(&stored), describe(&wanted));
                return Err(StartError::OtherCluster { stored, configured });
            }
            Transaction::new().replace(&key, record.revision, wanted.encode())
        }
    };
    store.commit(transaction).await?;
    Ok(())
}

fn describe(settings: &SettingsRow) -> String {
    let SettingsRow { cluster, lease_length_v4, lease_length_v6 } = settings;
    let Cluster { id, prefixes } = cluster;
    format!("{id} ({prefixes} in /{lease_length_v4} and /{lease_length_v6})")
}
