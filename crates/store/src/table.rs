//! The records of a store as a value: pure, the same for every store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wgcni_model::{History, Revision};

use crate::{CommitError, Key, Precondition, Transaction};

/// How many removals are remembered, so that a watch that was away can be told.
pub(crate) const MAX_TOMBSTONES: usize = 4096;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was last written.
    pub revision: Revision,
    /// What it says.
    pub value: Arc<[u8]>,
}

/// Everything in a store at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Identifies the store's history of revisions.
    pub history: History,
    /// The newest revision.
    pub revision: Revision,
    /// What changed after this revision or a later one can be told.
    pub compacted: Revision,
    /// The records.
    pub records: BTreeMap<Key, Record>,
    /// Removed records that are remembered, with the revision of their removal.
    pub removed: BTreeMap<Key, Revision>,
}

/// What changed between two revisions: only the last state of each record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The revision after the changes.
    pub revision: Revision,
    /// New and changed records.
    pub written: Vec<(Key, Record)>,
    /// Removed records, with the revision of their removal. Some may never have been
    /// known to the reader.
    pub removed: Vec<(Key, Revision)>,
}

/// The last change of a key: a value, or its removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub revision: Revision,
    pub value: Option<Arc<[u8]>>,
}

/// All entries, by key and by age.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    history: History,
    revision: Revision,
    compacted: Revision,
    entries: BTreeMap<Key, Entry>,
    by_age: BTreeSet<(Revision, Key)>,
    tombstones: BTreeSet<(Revision, Key)>,
}

impl Table {
    pub fn new(history: History) -> Self {
        Self::restore(history, Revision(0), Revision(0), BTreeMap::new())
    }

    /// The table that was stored.
    pub fn restore(
        history: History,
        revision: Revision,
        compacted: Revision,
        entries: BTreeMap<Key, Entry>,
    ) -> Self {
        let age = |(key, entry): (&Key, &Entry)| (entry.revision, key.clone());
        let by_age = entries.iter().map(age).collect();
        let dead = entries.iter().filter(|(_, entry)| entry.value.is_none());
        let tombstones = dead.map(age).collect();
        Self { history, revision, compacted, entries, by_age, tombstones }
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn revision(&self) -> Revision {
        self.revision
    }

    pub fn compacted(&self) -> Revision {
        self.compacted
    }

    pub fn entry(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The record of a key.
    pub fn get(&self, key: &Key) -> Option<Record> {
        let Entry { revision, value } = self.entries.get(key)?;
        value.clone().map(|value| Record { revision: *revision, value })
    }

    /// What a transaction would write at the next revision; nothing of it is done.
    pub fn stage(&self, transaction: Transaction) -> Result<Vec<(Key, Entry)>, CommitError> {
        for (key, precondition) in &transaction.preconditions {
            self.check(key, *precondition)?;
        }
        let revision = Revision(self.revision.0 + 1);
        let changes = transaction.writes.into_iter().filter(|(key, value)| {
            value.is_some() || self.entries.get(key).is_some_and(|entry| entry.value.is_some())
        });
        let entry = |value: Option<Vec<u8>>| Entry { revision, value: value.map(Arc::from) };
        Ok(changes.map(|(key, value)| (key, entry(value))).collect())
    }

    fn check(&self, key: &Key, precondition: Precondition) -> Result<(), CommitError> {
        let entry = self.entries.get(key);
        let live = entry.filter(|entry| entry.value.is_some());
        let holds = match precondition {
            Precondition::Absent => live.is_none(),
            Precondition::Unchanged(revision) => {
                live.is_some_and(|entry| entry.revision == revision)
            }
        };
        if holds {
            return Ok(());
        }
        let changed = entry.map(|entry| entry.revision).unwrap_or_default();
        Err(CommitError::Conflict { key: key.clone(), changed })
    }

    /// Does what was staged.
    pub fn apply(&mut self, changes: &[(Key, Entry)]) {
        for (key, entry) in changes {
            self.revision = self.revision.max(entry.revision);
            if let Some(old) = self.entries.insert(key.clone(), entry.clone()) {
                self.by_age.remove(&(old.revision, key.clone()));
                self.tombstones.remove(&(old.revision, key.clone()));
            }
            self.by_age.insert((entry.revision, key.clone()));
            if entry.value.is_none() {
                self.tombstones.insert((entry.revision, key.clone()));
            }
        }
    }

    /// Forgets the oldest removals beyond the bound; says which.
    pub fn compact(&mut self) -> Vec<(Key, Entry)> {
        let mut forgotten = Vec::new();
        while self.tombstones.len() > MAX_TOMBSTONES {
            let Some(age) = self.tombstones.pop_first() else {
                break;
            };
            self.by_age.remove(&age);
            self.compacted = self.compacted.max(age.0);
            forgotten.extend(self.entries.remove_entry(&age.1));
        }
        forgotten
    }

    /// What changed after a revision; `None` when that is not known any more.
    pub fn since(&self, after: Revision) -> Option<Changes> {
        if after < self.compacted {
            return None;
        }
        let mut changes =
            Changes { revision: self.revision, written: Vec::new(), removed: Vec::new() };
        let mut newer: Vec<_> =
            self.by_age.iter().rev().take_while(|(revision, _)| *revision > after).collect();
        newer.reverse();
        for (revision, key) in newer {
            match self.entries.get(key).and_then(|entry| entry.value.clone()) {
                Some(value) => {
                    changes.written.push((key.clone(), Record { revision: *revision, value }));
                }
                None => changes.removed.push((key.clone(), *revision)),
            }
        }
        Some(changes)
    }

    pub fn load(&self) -> Loaded {
        let mut loaded = Loaded {
            history: self.history.clone(),
            revision: self.revision,
            compacted: self.compacted,
            records: BTreeMap::new(),
            removed: BTreeMap::new(),
        };
        for (key, Entry { revision, value }) in &self.entries {
            match value.clone() {
                Some(value) => {
                    loaded.records.insert(key.clone(), Record { revision: *revision, value });
                }
                None => {
                    loaded.removed.insert(key.clone(), *revision);
                }
            }
        }
        loaded
    }
}
