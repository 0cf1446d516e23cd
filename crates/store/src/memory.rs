//! A store that forgets: for tests, and as what a durable one is measured against.

use std::future::ready;

use tokio::sync::watch;
use wgcni_model::{History, Revision};

use crate::shared::Shared;
use crate::table::Table;
use crate::{Commit, CommitError, Key, Loaded, Record, Store, Transaction, Watch};

/// Keeps records for as long as the process lives.
pub struct MemoryStore {
    shared: Shared,
    announce: watch::Sender<Revision>,
}

impl MemoryStore {
    /// An empty store with a history of its own.
    pub fn new() -> Self {
        let table = Table::new(History::from_random(rand::random()));
        let (shared, announce) = Shared::new(table);
        Self { shared, announce }
    }

    fn commit_now(&self, transaction: Transaction) -> Result<Revision, CommitError> {
        transaction.check_size()?;
        let mut table = self.shared.table();
        let changes = table.stage(transaction)?;
        table.apply(&changes);
        table.compact();
        // Under the lock, so that revisions are announced in order.
        self.announce.send_replace(table.revision());
        Ok(table.revision())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Loaded {
        self.shared.load()
    }

    fn get(&self, key: &Key) -> Option<Record> {
        self.shared.get(key)
    }

    fn commit(&self, transaction: Transaction) -> Commit<'_> {
        Box::pin(ready(self.commit_now(transaction)))
    }

    fn watch(&self, after: Revision) -> Watch {
        self.shared.watch(after)
    }
}
