//! WireGuard devices, in the kernel or in the tunnels process.

mod tunnels;

pub use tunnels::Tunnels;

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::Path;
use wgcni_model::WireguardKind;

/// Which engine an operator wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    /// The kernel's where it has one.
    #[default]
    Auto,
    /// The kernel's or none.
    Kernel,
    /// The tunnels process's.
    Userspace,
}

/// What runs the devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// The kernel.
    Kernel,
    /// The tunnels process.
    Userspace(Tunnels),
}

impl Engine {
    /// Finds the engine by asking the kernel whether it knows WireGuard.
    ///
    /// # Errors
    /// [`Error::NoKernelWireguard`] when it is demanded and missing.
    pub fn detect(_preference: Preference, _tunnels_socket: &Path) -> Result<Self, Error> {
        todo!()
    }

    /// The engine of a kind, without asking.
    pub fn of(kind: WireguardKind, tunnels_socket: &Path) -> Self {
        match kind {
            WireguardKind::Kernel => Self::Kernel,
            WireguardKind::Userspace => Self::Userspace(Tunnels::at(tunnels_socket)),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> WireguardKind {
        match self {
            Self::Kernel => WireguardKind::Kernel,
            Self::Userspace(_) => WireguardKind::Userspace,
        }
    }
}
