//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

use wgcni_model::Revision;

use crate::Key;

/// A store was not opened; nothing on disk was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("store {} is in use by another process; two writers would lose data", .0.display())]
    InUse(PathBuf),
    /// The database below refused.
    #[error("database {}: {reason}; restore the directory from a backup", path.display())]
    Database {
        /// The database's directory.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// A record is not what was written.
    #[error("store {}: record {record}: {reason}; restore the directory from a backup", path.display())]
    Record {
        /// The store's directory.
        path: PathBuf,
        /// The record, as `table/key`.
        record: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store as a whole is not what was written.
    #[error("store {}: {reason}; restore the directory from a backup", path.display())]
    Incomplete {
        /// The store's directory.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
}

/// A transaction was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A precondition does not hold: load or watch, decide again, retry.
    #[error("record {key} was changed by another transaction")]
    Conflict {
        /// The first key whose precondition does not hold.
        key: Key,
        /// The revision of its last change; 0 when there was none.
        changed: Revision,
    },
    /// The value can never be stored.
    #[error("record {key}: {size} bytes are too many, at most {} fit", crate::MAX_VALUE)]
    TooLarge {
        /// The key.
        key: Key,
        /// Its value's size in bytes.
        size: usize,
    },
    /// The store takes no more commits: what is on disk is known again only once it
    /// is opened again.
    #[error("store failed: {0}")]
    Failed(String),
}

/// A watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// What happened after this revision is not known any more: load again.
    #[error("changes after revision {0} are not known any more")]
    TooOld(Revision),
    /// The store was closed, or failed.
    #[error("store is closed")]
    Closed,
}
