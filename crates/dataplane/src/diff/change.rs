//! What a pass can do.

use super::RepairKind;
use crate::firewall::Rules;
use crate::parts::Parts;
use crate::state::{LinkName, Peer, Route, Sysctl, Wireguard};
use ipnetwork::IpNetwork;
use std::collections::BTreeSet;
use std::fmt;
use wgcni_model::{Family, PublicKey};

/// Most networks that are named.
const NAMED: usize = 8;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Make the device: marked, down, without keys. One of ours that is of no use goes first.
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
    /// Add a peer, or make it so; an endpoint of `None` stays as it is.
    SetPeer(LinkName, PublicKey, Peer),
    /// Remove a peer.
    RemovePeer(LinkName, PublicKey),
    /// Forget the flows of addresses that a peer of the link had.
    ForgetFlows(LinkName, BTreeSet<IpNetwork>),
    /// Add a route where there is none of ours.
    AddRoute(Route),
    /// Put a route in the place of one of ours.
    ReplaceRoute(Route),
    /// Remove a route.
    RemoveRoute(Route),
    /// Make the chains of a family so; `None` removes them.
    SetFirewall(Family, Option<Rules>),
    /// Write a setting.
    SetSysctl(Sysctl, String),
}

impl Change {
    /// The part that it is about.
    pub fn part(&self) -> Parts {
        match self {
            Self::CreateLink(link)
            | Self::DeleteLink(link)
            | Self::SetMtu(link, _)
            | Self::SetUp(link)
            | Self::AddAddress(link, _)
            | Self::RemoveAddress(link, _)
            | Self::SetDevice(link, _)
            | Self::SetPeer(link, ..)
            | Self::RemovePeer(link, _)
            | Self::ForgetFlows(link, _) => link.part(),
            Self::AddRoute(_) | Self::ReplaceRoute(_) | Self::RemoveRoute(_) => Parts::ROUTES,
            Self::SetFirewall(..) => Parts::FIREWALL,
            Self::SetSysctl(..) => Parts::SYSCTLS,
        }
    }

    /// What it is about, as a repair.
    pub fn kind(&self) -> RepairKind {
        match self {
            Self::CreateLink(_)
            | Self::DeleteLink(_)
            | Self::SetMtu(..)
            | Self::SetUp(_)
            | Self::SetDevice(..) => RepairKind::Interface,
            Self::AddAddress(..) | Self::RemoveAddress(..) => RepairKind::Address,
            Self::SetPeer(..) | Self::RemovePeer(..) | Self::ForgetFlows(..) => RepairKind::Peer,
            Self::AddRoute(_) | Self::ReplaceRoute(_) | Self::RemoveRoute(_) => RepairKind::Route,
            Self::SetFirewall(..) => RepairKind::Firewall,
            Self::SetSysctl(..) => RepairKind::Sysctl,
        }
    }
}

/// For people; keys of ours aside.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateLink(link) => write!(f, "make {link}"),
            Self::DeleteLink(link) => write!(f, "delete {link}"),
            Self::SetMtu(link, mtu) => write!(f, "set MTU of {link} to {mtu}"),
            Self::SetUp(link) => write!(f, "raise {link}"),
            Self::AddAddress(link, address) => write!(f, "add {address} to {link}"),
            Self::RemoveAddress(link, address) => write!(f, "remove {address} from {link}"),
            Self::SetDevice(link, _) => write!(f, "set key and port of {link}"),
            Self::SetPeer(link, key, _) => write!(f, "set peer {key} of {link}"),
            Self::RemovePeer(link, key) => write!(f, "remove peer {key} from {link}"),
            Self::ForgetFlows(link, networks) => {
                let networks: Vec<_> =
                    networks.iter().take(NAMED).map(ToString::to_string).collect();
                let more = if networks.len() == NAMED { ", .." } else { "" };
                write!(f, "forget flows over {link} of {}{more}", networks.join(", "))
            }
            Self::AddRoute(route) => write!(f, "add route {route}"),
            Self::ReplaceRoute(route) => write!(f, "replace route {route}"),
            Self::RemoveRoute(route) => write!(f, "remove route {route}"),
            Self::SetFirewall(family, Some(_)) => write!(f, "set {family} chains"),
            Self::SetFirewall(family, None) => write!(f, "remove {family} chains"),
            Self::SetSysctl(key, value) => write!(f, "set {key} to {value}"),
        }
    }
}
