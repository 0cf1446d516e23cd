//! Client of the tunnels process's control socket: one JSON object per line each way.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// The tunnels process, by its socket. Connects anew for each request, so that it may be
/// restarted at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnels(PathBuf);

impl Tunnels {
    /// The process that listens at `socket`.
    pub fn at(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// Makes a device in the network namespace of the tunnels process.
    ///
    /// # Errors
    /// EEXIST, or what else stands in the way.
    pub fn create(&self, _name: &str) -> Result<(), Error> {
        todo!()
    }

    /// Deletes a device, wherever its link has been moved; gone already is success.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn delete(&self, _name: &str) -> Result<(), Error> {
        todo!()
    }

    /// The names of all devices, as they were created. Also a cheap way to ask whether the
    /// process runs.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        todo!()
    }

    /// Deletes all devices and ends the process; not running is success.
    ///
    /// # Errors
    /// The process runs and does not answer.
    pub fn shutdown(&self) -> Result<(), Error> {
        todo!()
    }
}
