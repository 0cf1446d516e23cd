//! WireGuard devices, in the kernel or in the tunnels process.

mod device;
mod observe;
mod tunnels;

pub(crate) use device::Device;
pub(crate) use observe::{known, wireguard};
pub use tunnels::Tunnels;

use crate::error::{Doing, Error};
use crate::netlink::{Generic, Kind};
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
    pub fn detect(preference: Preference, tunnels_socket: &Path) -> Result<Self, Error> {
        let ask = || Generic::open().doing(|| "ask the kernel for WireGuard".to_owned());
        let found = preference != Preference::Userspace && ask()?.is_some();
        let kind = match preference {
            _ if found => WireguardKind::Kernel,
            Preference::Kernel => return Err(Error::NoKernelWireguard),
            Preference::Auto | Preference::Userspace => WireguardKind::Userspace,
        };
        Ok(Self::of(kind, tunnels_socket))
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

    /// The kind of link that its devices are.
    pub(crate) fn link(&self) -> Kind {
        match self {
            Self::Kernel => Kind::Wireguard,
            Self::Userspace(_) => Kind::Tun,
        }
    }
}
