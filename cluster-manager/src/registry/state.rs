//! The cache of the store: pure, fed by changes, asked for plans.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wgcni_ipam::{AllocateError, Allocator, Usage};
use wgcni_model::{
    Cluster, Delta, History, Lease, NodeName, Peer, Prefix, Prefixes, PublicKey, Revision, Snapshot,
};
use wgcni_store::{Changes, Key, Loaded, Record};

use crate::members::{LONGEST_HOLD, Members};
use crate::records::{KeyRow, LeaseRow, PeerRow, PrefixRow, Row, RunRow, SettingsRow};

/// How many peers that left are remembered, so that readers can be told.
const MAX_DEPARTED: usize = 4096;

/// Why a record of the store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {key}: {reason}")]
pub struct BadRecord {
    key: Key,
    reason: String,
}

impl BadRecord {
    pub(crate) fn new(key: Key, reason: String) -> Self {
        Self { key, reason }
    }
}

/// A value and the revision of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored<T> {
    pub revision: Revision,
    pub row: T,
}

/// Everything that the store says, as of one revision, and prefixes that are planned
/// for leases that are not durable yet.
pub(crate) struct State {
    pub cluster: Cluster,
    /// The histories that this one continues, by the revision that each began at.
    runs: BTreeMap<Revision, History>,
    pub revision: Revision,
    /// Deltas are known from here on.
    pub compacted: Revision,
    pub allocator: Allocator<NodeName>,
    pub leases: BTreeMap<NodeName, Stored<LeaseRow>>,
    pub prefixes: BTreeMap<Prefix, Stored<PrefixRow>>,
    pub peers: BTreeMap<NodeName, Stored<PeerRow>>,
    pub keys: BTreeMap<PublicKey, Stored<KeyRow>>,
    pub members: Members,
    quarantine: Duration,
    /// Last change of every peer, also of those that left.
    peer_changes: BTreeMap<NodeName, Revision>,
    by_age: BTreeSet<(Revision, NodeName)>,
}

impl State {
    /// An empty cluster; `allocator` divides its prefixes and lets them rest for
    /// `quarantine`.
    pub fn new(cluster: Cluster, allocator: Allocator<NodeName>, quarantine: Duration) -> Self {
        Self {
            members: Members::default(),
            quarantine,
            cluster,
            runs: BTreeMap::new(),
            revision: Revision(0),
            compacted: Revision(0),
            allocator,
            leases: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            peers: BTreeMap::new(),
            keys: BTreeMap::new(),
            peer_changes: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// Takes in a whole store.
    pub fn load(&mut self, loaded: Loaded) -> Result<(), BadRecord> {
        let Loaded { revision, compacted, records, removed, .. } = loaded;
        self.compacted = compacted;
        let (written, removed) = (records.into_iter().collect(), removed.into_iter().collect());
        self.apply(&Changes { revision, written, removed })
    }

    /// Follows the store by one step. Removals come first: a coalesced step may move a
    /// prefix or a key from one owner to the next.
    pub fn apply(&mut self, changes: &Changes) -> Result<(), BadRecord> {
        for (key, revision) in &changes.removed {
            self.remove(key, *revision)?;
        }
        for (key, record) in &changes.written {
            let bad = |reason| BadRecord { key: key.clone(), reason };
            self.write(key, record).map_err(bad)?;
        }
        self.revision = changes.revision;
        Ok(())
    }

    fn remove(&mut self, key: &Key, revision: Revision) -> Result<(), BadRecord> {
        let bad = |reason| BadRecord { key: key.clone(), reason };
        match key.table() {
            LeaseRow::TABLE => {
                let node = name(key).map_err(bad)?;
                self.leases.remove(&node);
                self.allocator.release(&node, Duration::ZERO);
            }
            PeerRow::TABLE => {
                let node = name(key).map_err(bad)?;
                self.peers.remove(&node);
                self.peer_changed(node, revision);
            }
            KeyRow::TABLE => {
                self.keys.remove(&name(key).map_err(bad)?);
            }
            PrefixRow::TABLE => {
                self.prefixes.remove(&name(key).map_err(bad)?);
            }
            RunRow::TABLE => {
                let gone: History = name(key).map_err(bad)?;
                self.runs.retain(|_, run| *run != gone);
            }
            _ => self.members.remove(key).map_err(bad)?,
        }
        Ok(())
    }

    fn write(&mut self, key: &Key, record: &Record) -> Result<(), String> {
        match key.table() {
            LeaseRow::TABLE => self.write_lease(name(key)?, stored(record)?),
            PrefixRow::TABLE => self.write_prefix(name(key)?, stored(record)?),
            PeerRow::TABLE => {
                let node: NodeName = name(key)?;
                self.peers.insert(node.clone(), stored(record)?);
                self.peer_changed(node, record.revision);
                Ok(())
            }
            KeyRow::TABLE => {
                self.keys.insert(name(key)?, stored(record)?);
                Ok(())
            }
            RunRow::TABLE => {
                self.runs.insert(stored::<RunRow>(record)?.revision, name(key)?);
                Ok(())
            }
            SettingsRow::TABLE => Ok(()),
            _ if self.members.write(key, record)? => Ok(()),
            _ => Err("is of a table that this program does not know".to_owned()),
        }
    }

    fn write_lease(&mut self, node: NodeName, lease: Stored<LeaseRow>) -> Result<(), String> {
        let prefixes = lease.row.prefixes;
        if self.allocator.get(&node).is_some_and(|has| has != prefixes) {
            self.allocator.release(&node, Duration::ZERO);
        }
        if self.allocator.restore(&node, prefixes).is_err() {
            self.drop_plans_for(prefixes);
            let restored = self.allocator.restore(&node, prefixes);
            restored.map_err(|error: AllocateError| error.to_string())?;
        }
        self.leases.insert(node, lease);
        Ok(())
    }

    /// What is durable wins over what was only planned.
    fn drop_plans_for(&mut self, prefixes: Prefixes) {
        let planned = self.allocator.iter().filter(|(node, has)| {
            !self.leases.contains_key(*node) && has.overlap(&prefixes).is_some()
        });
        let planned: Vec<_> = planned.map(|(node, _)| node.clone()).collect();
        for node in planned {
            self.allocator.release(&node, Duration::ZERO);
        }
    }

    fn write_prefix(&mut self, prefix: Prefix, stored: Stored<PrefixRow>) -> Result<(), String> {
        if let Some(released) = stored.row.released {
            let part = Prefixes::from_items([prefix]).map_err(|error| error.to_string())?;
            let mut since = Duration::from_millis(released);
            if stored.row.held {
                since += LONGEST_HOLD.saturating_sub(self.quarantine);
            }
            self.allocator.restore_resting(&stored.row.node, part, since);
        }
        self.prefixes.insert(prefix, stored);
        Ok(())
    }

    fn peer_changed(&mut self, node: NodeName, revision: Revision) {
        if let Some(before) = self.peer_changes.insert(node.clone(), revision) {
            self.by_age.remove(&(before, node.clone()));
        }
        self.by_age.insert((revision, node));
        self.forget_departed();
    }

    /// Keeps what is known of peers that left below a bound.
    fn forget_departed(&mut self) {
        while self.peer_changes.len() > self.peers.len() + MAX_DEPARTED {
            let mut oldest = self.by_age.iter();
            let Some(age) = oldest.find(|(_, node)| !self.peers.contains_key(node)).cloned() else {
                return;
            };
            self.by_age.remove(&age);
            self.peer_changes.remove(&age.1);
            self.compacted = self.compacted.max(age.0);
        }
    }

    /// A node's lease.
    pub fn lease(&self, node: &NodeName) -> Option<Lease> {
        let stored = self.leases.get(node)?;
        Some(Lease { node: node.clone(), prefixes: stored.row.prefixes })
    }

    /// The key that a node is in the mesh with.
    pub fn mesh_key(&self, node: &NodeName) -> Option<PublicKey> {
        self.peers.get(node).map(|peer| peer.row.mesh_key)
    }

    /// A peer, as others see it: what it may use is what it leases.
    pub fn peer(&self, node: &NodeName) -> Option<Peer> {
        let peer = &self.peers.get(node)?.row;
        Some(Peer {
            node: node.clone(),
            mesh_key: peer.mesh_key,
            endpoints: peer.endpoints.clone(),
            allowed_ips: self.leases.get(node)?.row.prefixes,
        })
    }

    /// All peers.
    pub fn snapshot(&self) -> Snapshot {
        let peers = self.peers.keys().filter_map(|node| self.peer(node));
        Snapshot::new(self.history(), self.revision, peers)
    }

    /// The history that the newest revision belongs to.
    pub fn history(&self) -> History {
        self.runs.last_key_value().map(|(_, run)| run.clone()).unwrap_or_default()
    }

    /// Whether a revision of a history is in this store's past. Nothing is in everybody's.
    pub fn knows(&self, history: &History, revision: Revision) -> bool {
        if *history == History::default() {
            return revision == Revision(0);
        }
        let mut runs = self.runs.iter().skip_while(|(_, run)| *run != history);
        let found = runs.next().is_some() && revision <= self.revision;
        found && runs.next().is_none_or(|(next, _)| revision < *next)
    }

    /// What changed among the peers after a revision; `None` when that is not known
    /// any more.
    pub fn delta(&self, after: Revision) -> Option<Delta> {
        if after < self.compacted || after > self.revision {
            return None;
        }
        let (history, revision) = (self.history(), self.revision);
        let mut delta = Delta { history, after, revision, ..Delta::default() };
        let newer = self.by_age.iter().rev().take_while(|(revision, _)| *revision > after);
        for (_, node) in newer {
            match self.peer(node) {
                Some(peer) => delta.upserted.push(peer),
                None => delta.removed.push(node.clone()),
            }
        }
        Some(delta)
    }

    /// When the last peer came, changed or went.
    pub fn peers_revision(&self) -> Revision {
        self.by_age.last().map_or(Revision(0), |(revision, _)| *revision)
    }

    /// How full the address space is.
    pub fn usage(&self, now: Duration) -> Vec<Usage> {
        self.allocator.usage(now)
    }
}

pub(crate) fn name<T: std::str::FromStr<Err: std::fmt::Display>>(key: &Key) -> Result<T, String> {
    key.name().parse().map_err(|error: T::Err| error.to_string())
}

pub(crate) fn stored<R: Row>(record: &Record) -> Result<Stored<R>, String> {
    Ok(Stored { revision: record.revision, row: R::decode(&record.value)? })
}
