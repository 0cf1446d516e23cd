//! Transactions: what should change, and what must still be true.

use wgcni_model::Revision;

use crate::{CommitError, Key};

/// Largest value in bytes. Far below the size from which sled would put it into a
/// file of its own, which no flush of ours covers.
pub const MAX_VALUE: usize = 64 * 1024;

/// What must be true of a key for a transaction to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// There is no record.
    Absent,
    /// The record is as it was at the revision that it carries.
    Unchanged(Revision),
}

/// Writes that happen together, under preconditions, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    pub(crate) preconditions: Vec<(Key, Precondition)>,
    pub(crate) writes: Vec<(Key, Option<Vec<u8>>)>,
}

impl Transaction {
    /// A transaction that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a precondition.
    #[must_use]
    pub fn when(mut self, key: &Key, precondition: Precondition) -> Self {
        self.preconditions.push((key.clone(), precondition));
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn put(mut self, key: &Key, value: Vec<u8>) -> Self {
        self.writes.push((key.clone(), Some(value)));
        self
    }

    /// Adds a removal; of nothing, when there is no record.
    #[must_use]
    pub fn delete(mut self, key: &Key) -> Self {
        self.writes.push((key.clone(), None));
        self
    }

    /// Adds the write of a new record.
    #[must_use]
    pub fn create(self, key: &Key, value: Vec<u8>) -> Self {
        self.when(key, Precondition::Absent).put(key, value)
    }

    /// Adds the write of a record that must not have changed since `revision`.
    #[must_use]
    pub fn replace(self, key: &Key, revision: Revision, value: Vec<u8>) -> Self {
        self.when(key, Precondition::Unchanged(revision)).put(key, value)
    }

    /// Adds the removal of a record that must not have changed since `revision`.
    #[must_use]
    pub fn remove(self, key: &Key, revision: Revision) -> Self {
        self.when(key, Precondition::Unchanged(revision)).delete(key)
    }

    /// Refuses what no store takes.
    pub(crate) fn check_size(&self) -> Result<(), CommitError> {
        let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        match self.writes.iter().find(|(_, value)| size(value) > MAX_VALUE) {
            Some((key, value)) => {
                Err(CommitError::TooLarge { key: key.clone(), size: size(value) })
            }
            None => Ok(()),
        }
    }
}
