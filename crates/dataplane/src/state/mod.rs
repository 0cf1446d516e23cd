//! What a host holds, or should hold, as comparable values.

mod route;
mod sysctl;

pub use route::{METRIC, PROTOCOL, Route, Target, UNREACHABLE_METRIC};
pub use sysctl::Sysctl;

use crate::firewall::Firewall;
use crate::parts::Parts;
use ipnetwork::IpNetwork;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use wgcni_model::{PrivateKey, PublicKey};

/// Everything of ours on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The links in the host's own namespace.
    pub links: BTreeMap<LinkName, Link>,
    /// The routes in the main table.
    pub routes: BTreeSet<Route>,
    /// Kernel settings and their values.
    pub sysctls: BTreeMap<Sysctl, String>,
    /// The firewall chains; empty is none.
    pub firewall: Firewall,
}

/// The links that a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkName {
    /// Node to containers.
    Hub,
    /// Node to nodes.
    Mesh,
}

impl LinkName {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hub, Self::Mesh];

    /// The name in the kernel.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "wghub0",
            Self::Mesh => "wgmesh0",
        }
    }

    /// The part that it is.
    pub fn part(self) -> Parts {
        match self {
            Self::Hub => Parts::HUB,
            Self::Mesh => Parts::MESH,
        }
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A WireGuard interface in the host's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// Whether it is up; a wish says true.
    pub up: bool,
    /// Its addresses, link-local ones aside.
    pub addresses: BTreeSet<IpNetwork>,
    /// Its keys and peers.
    pub wireguard: Wireguard,
}

/// Configuration of a WireGuard device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wireguard {
    /// Its key.
    pub private_key: PrivateKey,
    /// Its UDP port.
    pub listen_port: u16,
    /// Its peers. No two of them may have the same allowed IP.
    pub peers: BTreeMap<PublicKey, Peer>,
}

/// A peer of a WireGuard device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Where it is reached; a wish of `None` leaves it to the peer to show up.
    pub endpoint: Option<SocketAddr>,
    /// What may come from it and goes to it.
    pub allowed_ips: BTreeSet<IpNetwork>,
    /// Seconds between keepalives, 0 is never.
    pub keepalive: u16,
    /// Only observed: its last handshake is less than 180 s ago, so that the endpoint in
    /// use works and stays.
    pub fresh: bool,
    /// Only observed: it has a preshared key, which none of ours has.
    pub preshared: bool,
}

/// What has passed between a device and a peer since one of the two was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Age of the last handshake, if there was one.
    pub handshake: Option<Duration>,
    /// Bytes to it, handshakes and keepalives included.
    pub sent: u64,
    /// Bytes from it, as far as they were authentic.
    pub received: u64,
    /// Where it is reached now: where it was last heard from, or else what was set.
    pub endpoint: Option<SocketAddr>,
}
