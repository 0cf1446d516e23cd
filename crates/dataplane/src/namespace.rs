//! Network namespaces.

use crate::error::Error;
use std::path::Path;
use wgcni_model::NamespaceId;

/// An open network namespace.
#[derive(Debug)]
pub struct Namespace(());

impl Namespace {
    /// Opens a namespace by the path of its file.
    ///
    /// # Errors
    /// [`Error::NotNamespace`], or the path cannot be opened.
    pub fn open(_path: &Path) -> Result<Self, Error> {
        todo!()
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// `/proc` is missing.
    pub fn current() -> Result<Self, Error> {
        todo!()
    }

    /// Who it is.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn identity(&self) -> Result<NamespaceId, Error> {
        todo!()
    }

    /// Runs `what` inside, on a thread of its own, which then ends.
    ///
    /// # Errors
    /// The namespace cannot be entered (no privilege).
    pub fn run<T: Send>(&self, _what: impl FnOnce() -> T + Send) -> Result<T, Error> {
        todo!()
    }
}
