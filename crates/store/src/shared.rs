//! The durable table, as readers see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wgcni_model::Revision;

use crate::table::Table;
use crate::{Key, Loaded, Record, Watch};

/// What readers hold of a store.
#[derive(Clone)]
pub(crate) struct Shared {
    table: Arc<Mutex<Table>>,
    newest: watch::Receiver<Revision>,
}

impl Shared {
    /// The table, and where its writer announces new revisions. Watches end when the
    /// writer drops that.
    pub fn new(table: Table) -> (Self, watch::Sender<Revision>) {
        let (announce, newest) = watch::channel(table.revision());
        (Self { table: Arc::new(Mutex::new(table)), newest }, announce)
    }

    pub fn table(&self) -> MutexGuard<'_, Table> {
        // A table is changed by calls that do not panic half-way.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn load(&self) -> Loaded {
        self.table().load()
    }

    pub fn get(&self, key: &Key) -> Option<Record> {
        self.table().get(key)
    }

    pub fn watch(&self, after: Revision) -> Watch {
        Watch::new(self.clone(), self.newest.clone(), after)
    }
}
