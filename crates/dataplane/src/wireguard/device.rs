//! Keys, port and peers of one device, through `defguard_wireguard_rs`.
//!
//! Two things it cannot do: set the key of a kernel device without flushing the addresses,
//! so that is done by a message of our own; and give up on a process that does not answer,
//! so userspace devices are reached through a client of our own.

use super::Engine;
use super::uapi::Uapi;
use crate::error::{Doing, Error};
use crate::netlink::Generic;
use crate::state::{Peer, Wireguard};
use defguard_wireguard_rs::error::WireguardInterfaceError as Cause;
use defguard_wireguard_rs::host::Host;
use defguard_wireguard_rs::key::Key;
use defguard_wireguard_rs::net::IpAddrMask;
use defguard_wireguard_rs::peer::Peer as WirePeer;
use defguard_wireguard_rs::{Kernel, WGApi, WireguardInterfaceApi};
use std::io;
use wgcni_model::PublicKey;

/// A device, by the name that its engine knows it by.
///
/// A kernel device is reached from its own namespace only, so the calling thread must be in
/// there; a userspace device is reached from everywhere by its name at creation.
pub(crate) enum Device {
    Kernel(String, WGApi<Kernel>),
    Userspace(String, Uapi),
}

impl Device {
    pub(crate) fn new(engine: &Engine, name: &str) -> Result<Self, Error> {
        let open = || format!("open device {name}");
        Ok(match engine {
            Engine::Kernel => Self::Kernel(name.to_owned(), WGApi::new(name).wireguard(open)?),
            Engine::Userspace(_) => Self::Userspace(name.to_owned(), Uapi::of(name)),
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Kernel(name, _) | Self::Userspace(name, _) => name,
        }
    }

    /// Reads it; `None` when there is no process behind a userspace device any more.
    pub(crate) fn read(&self) -> Result<Option<Host>, Error> {
        let what = || format!("read device {}", self.name());
        match self {
            Self::Kernel(_, api) => api.read_interface_data().wireguard(what).map(Some),
            Self::Userspace(_, uapi) => match uapi.get() {
                Err(error) if is_dead(&error) => Ok(None),
                other => other.doing(what).map(Some),
            },
        }
    }

    /// Sets key, port and all peers.
    pub(crate) fn set(&self, want: &Wireguard) -> Result<(), Error> {
        let what = || format!("configure device {}", self.name());
        match self {
            Self::Kernel(name, _) => {
                let kernel = Generic::open().doing(what)?.ok_or(Error::NoKernelWireguard)?;
                let key = *want.private_key.as_bytes();
                kernel.reset(name, key, want.listen_port).doing(what)?;
                want.peers.iter().try_for_each(|(key, peer)| self.set_peer(key, peer))
            }
            Self::Userspace(_, uapi) => {
                let key = Key::new(*want.private_key.as_bytes());
                let mut host = Host::new(want.listen_port, key);
                let peers = want.peers.iter().map(|(key, peer)| wire(key, peer));
                host.peers = peers.map(|peer| (peer.public_key.clone(), peer)).collect();
                uapi.set(&host).doing(what)
            }
        }
    }

    /// Adds a peer, or makes it so.
    pub(crate) fn set_peer(&self, key: &PublicKey, peer: &Peer) -> Result<(), Error> {
        let wire = wire(key, peer);
        let what = || format!("set peer {key} on {}", self.name());
        match self {
            Self::Kernel(_, api) => api.configure_peer(&wire).wireguard(what),
            Self::Userspace(_, uapi) => uapi.set_peer(&wire).doing(what),
        }
    }

    /// Removes a peer; gone already is success.
    pub(crate) fn remove_peer(&self, key: &PublicKey) -> Result<(), Error> {
        let wire = Key::new(*key.as_bytes());
        let what = || format!("remove peer {key} from {}", self.name());
        match self {
            Self::Kernel(_, api) => api.remove_peer(&wire).wireguard(what),
            Self::Userspace(_, uapi) => uapi.remove_peer(&wire).doing(what),
        }
    }
}

/// The socket is missing, or nobody listens on it.
fn is_dead(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ECONNREFUSED))
}

fn wire(key: &PublicKey, peer: &Peer) -> WirePeer {
    let mut wire = WirePeer::new(Key::new(*key.as_bytes()));
    wire.endpoint = peer.endpoint;
    // Zeroes are none. Left out, one that somebody set would stay.
    wire.preshared_key = Some(Key::new([0; 32]));
    // Also 0: left out, an old interval would stay.
    wire.persistent_keepalive_interval = Some(peer.keepalive);
    let masks = peer.allowed_ips.iter().map(|net| IpAddrMask::new(net.network(), net.prefix()));
    wire.allowed_ips = masks.collect();
    wire
}

trait WireguardDoing<T> {
    fn wireguard(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> WireguardDoing<T> for Result<T, Cause> {
    fn wireguard(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| match source {
            // The errno is worth keeping where there is one.
            Cause::IoError(source) => Error::Io { what: what(), source },
            source => Error::Wireguard { what: what(), source },
        })
    }
}
