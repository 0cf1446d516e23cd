//! WireGuard devices, in the kernel or in the tunnels process.

mod device;
mod observe;
mod socket;
mod tunnels;
mod uapi;

pub(crate) use device::Device;
pub(crate) use observe::{known, traffic, wireguard};
pub use tunnels::{PROTOCOL, Tunnels};

use crate::error::{Doing, Error};
use crate::mark;
use crate::netlink::{Generic, Kind, LinkInfo, Netlink};
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

impl Preference {
    /// The kind that is demanded, if one is.
    fn kind(self) -> Option<WireguardKind> {
        match self {
            Self::Auto => None,
            Self::Kernel => Some(WireguardKind::Kernel),
            Self::Userspace => Some(WireguardKind::Userspace),
        }
    }
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
    /// Finds the engine: that of the devices that the host has, for containers' devices
    /// cannot change over; on a host without any the kernel's, where it knows WireGuard.
    ///
    /// # Errors
    /// [`Error::NoKernelWireguard`] when it is demanded and missing, [`Error::OtherEngine`]
    /// when the devices that are there are of another kind than the demanded one.
    pub fn detect(preference: Preference, tunnels_socket: &Path) -> Result<Self, Error> {
        let kind = match (preference.kind(), in_use(tunnels_socket)?) {
            (Some(wanted), Some(found)) if wanted != found => {
                return Err(Error::OtherEngine { found, wanted });
            }
            (_, Some(found)) => found,
            (Some(WireguardKind::Userspace), None) => WireguardKind::Userspace,
            (_, None) if kernel_has_wireguard()? => WireguardKind::Kernel,
            (Some(WireguardKind::Kernel), None) => return Err(Error::NoKernelWireguard),
            (None, None) => WireguardKind::Userspace,
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

/// The kind of the devices of ours that the host has.
fn in_use(tunnels_socket: &Path) -> Result<Option<WireguardKind>, Error> {
    if Tunnels::at(tunnels_socket).has_devices()? {
        return Ok(Some(WireguardKind::Userspace));
    }
    let links = Netlink::open()?.links().doing(|| "list links".to_owned())?;
    let ours = |link: &LinkInfo| link.kind == Kind::Wireguard && link.is_marked(mark::PREFIX);
    Ok(links.iter().any(ours).then_some(WireguardKind::Kernel))
}

/// Asks the kernel, which loads its module when it has one.
fn kernel_has_wireguard() -> Result<bool, Error> {
    let asked = Generic::open().doing(|| "ask the kernel for WireGuard".to_owned());
    Ok(asked?.is_some())
}
