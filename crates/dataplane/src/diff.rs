//! From what is to what should be: which changes, in which order.

use crate::firewall::Rules;
use crate::parts::Parts;
use crate::state::{LinkName, Peer, Route, State, Sysctl, Wireguard};
use ipnetwork::IpNetwork;
use wgcni_model::{Family, PublicKey};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Make the device; marked, down, without keys.
    CreateLink(LinkName),
    /// Delete the device and all that hangs on it.
    DeleteLink(LinkName),
    /// Set the largest packet.
    SetMtu(LinkName, u32),
    /// Raise the link.
    SetUp(LinkName),
    /// Give an address.
    AddAddress(LinkName, IpNetwork),
    /// Take an address.
    RemoveAddress(LinkName, IpNetwork),
    /// Set key, port and all peers at once: a new device, or a new key.
    SetDevice(LinkName, Wireguard),
    /// Add a peer, or make it so.
    SetPeer(LinkName, PublicKey, Peer),
    /// Remove a peer.
    RemovePeer(LinkName, PublicKey),
    /// Add a route where there is none of ours.
    AddRoute(Route),
    /// Put a route in the place of one of ours.
    ReplaceRoute(Route),
    /// Remove a route.
    RemoveRoute(Route),
    /// Make the chains of a family so, in one transaction; `None` removes them.
    SetFirewall(Family, Option<Rules>),
    /// Write a setting.
    SetSysctl(Sysctl, String),
}

/// The changes that lead from `have` to `want` in the given parts.
pub fn diff(_have: &State, _want: &State, _parts: Parts) -> Vec<Change> {
    todo!()
}
