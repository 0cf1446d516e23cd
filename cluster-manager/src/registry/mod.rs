//! Leases and peers: decided on a cache of the store, answered once durable.

#[cfg(test)]
mod model;
mod names;
mod plan;
mod start;
mod state;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use wgcni_api::{Claim, Registration};
use wgcni_fault::around;
use wgcni_identity::{IdentityId, Pin};
use wgcni_model::{Cluster, Delta, History, Lease, NodeName, PublicKey, Revision, Snapshot};
use wgcni_store::{Changes, CommitError, Store, Transaction};

use crate::Refusal;
use crate::config::Config;
use crate::members::{Refusals, Rooms};
use names::Names;
pub use names::Seen;
pub(crate) use plan::Plan;
pub use start::StartError;
use start::{begin_run, ensure_settings, load};
pub(crate) use state::{State, Stored, name, stored};
pub use views::{PeerStatus, Resting};

/// How often a request decides again because others changed the same records.
pub(crate) const ATTEMPTS: usize = 8;

/// The cluster.
pub struct Registry {
    store: Arc<dyn Store>,
    state: Mutex<State>,
    names: Mutex<Names>,
    config: Config,
    /// Held while a line of the audit log is on its way to the disk.
    pub(crate) turn: tokio::sync::Mutex<()>,
    refusals: Mutex<Refusals>,
    rooms: Mutex<Rooms>,
    /// Control keys that took over from their former ones.
    moved: Mutex<BTreeMap<IdentityId, Pin>>,
    /// Members that left a moment ago, and when.
    leaving: Mutex<BTreeMap<IdentityId, Duration>>,
    /// Up to where the cache has followed the store.
    followed: watch::Sender<Revision>,
}

impl Registry {
    /// Loads the cluster from its store at the time `now`; writes its settings when it is
    /// new, and that the history `run` begins.
    ///
    /// # Errors
    /// When the store is another cluster's, or a record makes no sense.
    pub async fn start(
        store: Arc<dyn Store>,
        config: &Config,
        now: Duration,
        run: &History,
    ) -> Result<Self, StartError> {
        ensure_settings(&*store, config).await?;
        begin_run(&*store, run).await?;
        let state = load(&*store, config)?;
        let (followed, _) = watch::channel(state.revision);
        Ok(Self {
            store,
            state: Mutex::new(state),
            names: Mutex::new(Names::new(now, config.takeover)),
            config: config.clone(),
            turn: tokio::sync::Mutex::default(),
            refusals: Mutex::default(),
            rooms: Mutex::default(),
            moved: Mutex::default(),
            leaving: Mutex::default(),
            followed,
        })
    }

    /// Leases address space to a node, the same again when it has some; what it holds
    /// already when nothing is known of that and it is free.
    ///
    /// # Errors
    /// When the address space is used up, or the store fails.
    pub async fn allocate(&self, claim: &Claim, now: Duration) -> Result<Lease, Refusal> {
        let node = &claim.node;
        for _ in 0..ATTEMPTS {
            let plan = self.state().plan_allocate(claim, now)?;
            let (transaction, lease) = match plan {
                Plan::Done(lease) => return Ok(lease),
                Plan::Commit(transaction, lease) => (transaction, lease),
            };
            if around!("cluster.lease", self.commit(transaction).await)?.is_some() {
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
            let (plan, key) = {
                let state = self.state();
                (state.plan_release(node, now), state.mesh_key(node))
            };
            let Plan::Commit(transaction, ()) = plan else { return Ok(()) };
            if around!("cluster.release", self.commit(transaction).await)?.is_some() {
                self.note_leave(node, key, now);
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
    /// When it has no lease, a key is another's, its name is in use with another key, an
    /// endpoint is inside the overlay, or the store fails.
    pub async fn register(
        &self,
        wanted: &Registration,
        now: Duration,
    ) -> Result<Revision, Refusal> {
        for _ in 0..ATTEMPTS {
            let plan = self.plan_register(wanted, now)?;
            let revision = match plan {
                Plan::Done(revision) => Some(revision),
                Plan::Commit(transaction, _) => {
                    let revision = around!("cluster.register", self.commit(transaction).await)?;
                    if let Some(revision) = revision {
                        let (node, key) = (&wanted.node, wanted.mesh_key);
                        tracing::info!(%node, %key, %revision, "registered");
                    }
                    revision
                }
            };
            if let Some(revision) = revision {
                let seen = Seen { at: now, applied: wanted.applied };
                self.names().see(&wanted.node, seen);
                return Ok(revision);
            }
        }
        Err(Refusal::Contended(wanted.node.clone()))
    }

    /// Takes a node out of the mesh; says at which revision it is out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deregister(&self, node: &NodeName, now: Duration) -> Result<Revision, Refusal> {
        for _ in 0..ATTEMPTS {
            let (plan, key) = {
                let state = self.state();
                (state.plan_deregister(node), state.mesh_key(node))
            };
            let transaction = match plan {
                Plan::Done(revision) => return Ok(revision),
                Plan::Commit(transaction, _) => transaction,
            };
            if let Some(revision) = around!("cluster.deregister", self.commit(transaction).await)? {
                self.note_leave(node, key, now);
                tracing::info!(%node, %revision, "deregistered");
                return Ok(revision);
            }
        }
        Err(Refusal::Contended(node.clone()))
    }

    fn plan_register(
        &self,
        wanted: &Registration,
        now: Duration,
    ) -> Result<Plan<Revision>, Refusal> {
        let state = self.state();
        let holder = state.mesh_key(&wanted.node);
        self.names().check(&wanted.node, wanted.mesh_key, holder, now)?;
        state.plan_register(wanted)
    }

    pub(crate) fn note_leave(&self, node: &NodeName, key: Option<PublicKey>, now: Duration) {
        if let Some(key) = key {
            self.names().leave(node, key, now);
        }
    }

    /// Commits, and waits until the cache has followed; `None` when others changed
    /// what the transaction was decided on.
    pub(crate) async fn commit(
        &self,
        transaction: Transaction,
    ) -> Result<Option<Revision>, Refusal> {
        let (revision, outcome) = match self.store.commit(transaction).await {
            Ok(revision) => (revision, Some(revision)),
            Err(CommitError::Conflict { changed, .. }) => (changed, None),
            Err(error) => return Err(Refusal::Store(error)),
        };
        // The sender lives as long as `self`, so this only ever waits.
        let _ = self.followed.subscribe().wait_for(|followed| *followed >= revision).await;
        Ok(outcome)
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
        self.state().history()
    }

    pub(crate) fn knows(&self, history: &History, revision: Revision) -> bool {
        self.state().knows(history, revision)
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

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way through a change of the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn moved(&self) -> MutexGuard<'_, BTreeMap<IdentityId, Pin>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn leaving(&self) -> MutexGuard<'_, BTreeMap<IdentityId, Duration>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
