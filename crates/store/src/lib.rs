//! Durable records with revisions.
//!
//! Owns: the bytes on disk, what "acknowledged" means, and the order of changes.
//! Never imports: the wire, the kernel. What a record means is its caller's: a value
//! is bytes, whose first says which version of the caller's format they are.
//!
//! ```text
//! commit -> one writer: check, one batch, one flush for all who wait -> answers
//!                                   |
//!            watch <- newest revision, changes since any revision
//! ```
//!
//! Three operations (and a look at one record), so that an embedded tree and a cluster of etcd fit alike: load
//! everything at a revision; commit a transaction under preconditions; watch what
//! changed after a revision.

mod error;
mod key;
mod memory;
mod shared;
mod sled_store;
mod table;
mod transaction;
mod watch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use error::{CommitError, OpenError, WatchError};
pub use key::Key;
pub use memory::MemoryStore;
pub use sled_store::SledStore;
pub use table::{Changes, Loaded, Record};
pub use transaction::{MAX_VALUE, Precondition, Transaction};
pub use watch::Watch;
use wgcni_model::Revision;

/// The answer to a commit, some time later.
pub type Commit<'a> = Pin<Box<dyn Future<Output = Result<Revision, CommitError>> + Send + 'a>>;

/// Records that outlive the process, with a revision for each change.
pub trait Store: Send + Sync + 'static {
    /// Everything, at one revision.
    fn load(&self) -> Loaded;

    /// One record as it is now; for those that a reader keeps no copy of.
    fn get(&self, key: &Key) -> Option<Record>;

    /// Makes all writes of the transaction durable, or none. When it answers, the
    /// change is on disk and every [`Watch`] can see it.
    ///
    /// A transaction that changes nothing makes no revision. One that was refused
    /// because of a change is answered once that change is durable. Dropping the
    /// future does not take the transaction back.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when a precondition does not hold;
    /// [`CommitError::Failed`] when it is unknown whether the change is durable, and
    /// for every later commit.
    fn commit(&self, transaction: Transaction) -> Commit<'_>;

    /// Follows the changes after a revision.
    fn watch(&self, after: Revision) -> Watch;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn load(&self) -> Loaded {
        (**self).load()
    }

    fn get(&self, key: &Key) -> Option<Record> {
        (**self).get(key)
    }

    fn commit(&self, transaction: Transaction) -> Commit<'_> {
        (**self).commit(transaction)
    }

    fn watch(&self, after: Revision) -> Watch {
        (**self).watch(after)
    }
}
