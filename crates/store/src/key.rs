//! Names of records.

use std::fmt;
use std::sync::Arc;

/// Name of a record: `table/key`. The key may hold anything, slashes included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The record `key` of `table`, which must have no slash.
    pub fn new(table: &'static str, key: impl fmt::Display) -> Self {
        debug_assert!(!table.is_empty() && !table.contains('/'));
        Self(format!("{table}/{key}").into())
    }

    /// Reads a key back; `None` when there is no table in it.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (table, _) = text.split_once('/')?;
        (!table.is_empty()).then(|| Self(text.into()))
    }

    /// The table.
    pub fn table(&self) -> &str {
        self.split().0
    }

    /// The key inside the table.
    pub fn name(&self) -> &str {
        self.split().1
    }

    /// The whole, as `table/key`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn split(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}
