//! The embedded store: sled, with a single writer that commits in groups.
//!
//! ```text
//! DIR/lock    held while open        DIR/mark    how far the store had come
//! DIR/db/     sled: "e" + key -> entry, "s" -> summary (envelope.rs)
//! ```

mod envelope;
mod mark;
mod open;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use wgcni_model::Revision;

use crate::shared::Shared;
use crate::{Commit, CommitError, Key, Loaded, OpenError, Record, Store, Transaction, Watch};
use writer::{Request, Writer};

/// Records in a directory of their own.
pub struct SledStore {
    shared: Shared,
    queue: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    _lock: File,
}

impl SledStore {
    /// Opens the store in `dir`, or makes one where there is none. Every record is
    /// read and checked.
    ///
    /// # Errors
    /// When it is in use, unreadable, or not all that was written to it: a store that
    /// lost something is never opened.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let opened = open::open(dir)?;
        let (shared, announce) = Shared::new(opened.table.clone());
        let (queue, requests) = mpsc::channel();
        let writer = Writer::new(opened.files, opened.table, shared.clone(), announce);
        let writer = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&requests))
            .map_err(open::io_error("start the writer of", dir))?;
        Ok(Self { shared, queue: Some(queue), writer: Some(writer), _lock: opened.lock })
    }

    fn send(
        &self,
        transaction: Transaction,
    ) -> Result<oneshot::Receiver<Result<Revision, CommitError>>, CommitError> {
        transaction.check_size()?;
        let (answer, answered) = oneshot::channel();
        let request = Request { transaction, answer };
        let sent = self.queue.as_ref().is_some_and(|queue| queue.send(request).is_ok());
        if sent { Ok(answered) } else { Err(ended()) }
    }
}

impl Store for SledStore {
    fn load(&self) -> Loaded {
        self.shared.load()
    }

    fn get(&self, key: &Key) -> Option<Record> {
        self.shared.get(key)
    }

    fn commit(&self, transaction: Transaction) -> Commit<'_> {
        // Sent before the first poll, so that commits keep the order of their calls.
        let sent = self.send(transaction);
        Box::pin(async move { sent?.await.map_err(|_| ended())? })
    }

    fn watch(&self, after: Revision) -> Watch {
        self.shared.watch(after)
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        // The writer ends with its queue; after it nobody holds the database.
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn ended() -> CommitError {
    CommitError::Failed("its writer has ended, see the first error; restart the program".to_owned())
}
