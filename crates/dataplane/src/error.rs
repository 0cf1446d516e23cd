//! What goes wrong, on what, because.

use crate::state::LinkName;
use std::io;
use std::path::PathBuf;
use wgcni_model::{IfName, WireguardKind};

/// Why the data plane could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel, a file or a socket refused; the errno is in the source.
    #[error("{what}")]
    Io {
        /// What was being done, on what.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// An interface has our name but not our mark; it is left alone.
    #[error("interface {0} exists and is not ours: rename or remove it")]
    Foreign(LinkName),
    /// The interface's name is taken in the container's namespace.
    #[error("interface {0} already exists in the network namespace")]
    Exists(IfName),
    /// A path that is no network namespace.
    #[error("{0} is not a network namespace")]
    NotNamespace(PathBuf),
    /// The kernel has no WireGuard although it was asked for.
    #[error("the kernel has no WireGuard")]
    NoKernelWireguard,
    /// Devices are there, and of another kind than is demanded.
    #[error(
        "WireGuard devices of ours are here, of the kind {found}, but {wanted} is demanded: drain the node, run `node-manager cleanup`, start again"
    )]
    OtherEngine {
        /// What is there.
        found: WireguardKind,
        /// What is demanded.
        wanted: WireguardKind,
    },
    /// The process that runs userspace devices refused.
    #[error("{what}: tunnels: {message}")]
    Tunnels {
        /// What was asked.
        what: String,
        /// Its errno.
        errno: i32,
        /// Its words.
        message: String,
    },
    /// A WireGuard device could not be read or configured.
    #[error("{what}")]
    Wireguard {
        /// What was being done, on what.
        what: String,
        /// The cause, without an errno: the library gives none.
        #[source]
        source: defguard_wireguard_rs::error::WireguardInterfaceError,
    },
    /// What the firewall would protect stays closed without it.
    #[error("stays closed until the firewall is set")]
    Unprotected,
    /// iptables refused.
    #[error("{what}: {stderr}")]
    Firewall {
        /// What was being done, on what.
        what: String,
        /// What iptables said.
        stderr: String,
    },
}

impl Error {
    /// The errno, where there is one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { source, .. } => source.raw_os_error(),
            Self::Tunnels { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}

/// Names what an I/O error is about.
pub(crate) trait Doing<T> {
    /// The same error, saying what was being done.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}

impl<T> Doing<T> for nix::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(io::Error::from).doing(what)
    }
}
