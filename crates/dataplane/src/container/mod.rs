//! A container's interface: made in the host, moved into the container.
//!
//! The device is created in the host's namespace, so that its UDP socket stays there and
//! the container has no other way out, then it is configured, moved and renamed.

use crate::error::Error;
use crate::namespace::Namespace;
use crate::state::Peer;
use crate::wireguard::Engine;
use ipnetwork::IpNetwork;
use std::fmt;
use wgcni_model::{Addresses, IfName, PrivateKey, PublicKey};

/// How a container's interface should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its name while it is in the host's namespace; also that of its UAPI socket.
    pub device: IfName,
    /// Its name in the container.
    pub ifname: IfName,
    /// Its mark ([`crate::mark::container`]).
    pub alias: String,
    /// Its addresses, given as /32 and /128.
    pub addresses: Addresses,
    /// The hub's key.
    pub hub_key: PublicKey,
    /// The hub; `endpoint` is its port on loopback, `keepalive` at best [`KEEPALIVE`].
    pub hub: Peer,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// What is reached through it: `0.0.0.0/0` and `::/0`, or the cluster's prefixes.
    pub routes: Vec<IpNetwork>,
}

/// Seconds between a container's keepalives to the hub. The hub learns from the first one
/// where the container is, so that a container that only listens is reached.
pub const KEEPALIVE: u16 = 25;

/// A container's interface that is deleted again when dropped, until it is kept.
#[derive(Debug)]
#[must_use = "dropping it deletes the interface"]
pub struct Guard(());

impl Guard {
    /// Keeps the interface.
    pub fn commit(self) {
        todo!()
    }
}

/// What is wrong with a container's interface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is none of that name.
    Missing,
    /// It does not bear our mark.
    Foreign,
    /// It is down.
    Down,
    /// Its MTU is this.
    Mtu(u32),
    /// It lacks this address.
    Address(IpNetwork),
    /// It lacks the route to there.
    Route(IpNetwork),
    /// Its own key is another.
    Key,
    /// The hub is not its peer.
    Peer,
    /// The hub's endpoint or allowed IPs are others.
    Hub,
    /// It could not be looked at.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the interface is gone"),
            Self::Foreign => f.write_str("the interface is not ours"),
            Self::Down => f.write_str("the interface is down"),
            Self::Mtu(mtu) => write!(f, "the MTU is {mtu}"),
            Self::Address(net) => write!(f, "address {net} is missing"),
            Self::Route(net) => write!(f, "the route to {net} is missing"),
            Self::Key => f.write_str("the interface has another key"),
            Self::Peer => f.write_str("the hub is not a peer"),
            Self::Hub => f.write_str("the hub's endpoint or allowed addresses differ"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// Makes the interface. The calling thread is in the host's namespace.
///
/// # Errors
/// [`Error::Exists`] when the container has an interface of that name: then nothing was
/// made. After any other error everything is undone.
pub fn create(
    _engine: &Engine,
    _namespace: &Namespace,
    _wish: &Wish,
    _private_key: &PrivateKey,
) -> Result<Guard, Error> {
    todo!()
}

/// Compares the interface with how it should be; `own_key` is its public key, where known.
///
/// # Errors
/// All that is wrong.
pub fn check(
    _engine: &Engine,
    _namespace: &Namespace,
    _wish: &Wish,
    _own_key: Option<PublicKey>,
) -> Result<(), Vec<Problem>> {
    todo!()
}

/// Deletes the interface if its alias starts with `alias_prefix`; one that is gone or not
/// ours is left as it is, and that is success.
///
/// # Errors
/// It is ours and cannot be deleted.
pub fn remove(_namespace: &Namespace, _ifname: &IfName, _alias_prefix: &str) -> Result<(), Error> {
    todo!()
}
