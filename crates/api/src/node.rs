//! What plugin and node-manager say to each other, as types that cannot be wrong.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use wgcni_model::{
    Addresses, AttachmentKey, ContainerId, IfName, NamespaceId, NetworkName, Prefixes, PublicKey,
    WireguardKind,
};

/// A container's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Path as the runtime gave it: for people.
    pub path: String,
    /// Which one it is.
    pub id: NamespaceId,
}

/// Asks for an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// Who asks.
    pub key: AttachmentKey,
    /// Where the container lives.
    pub namespace: Namespace,
    /// The container's key.
    pub public_key: PublicKey,
    /// Addresses that the caller would like.
    pub requested: Option<Addresses>,
    /// When the caller began, since the host's boot (`CLOCK_BOOTTIME`), where it says.
    pub started: Option<Duration>,
}

/// What the plugin puts into the container's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The container's addresses.
    pub addresses: Addresses,
    /// The container's only peer.
    pub hub: Hub,
    /// The whole cluster's address space.
    pub cluster: Prefixes,
    /// MTU of the interface in bytes, at least 1280 (RFC 8200, section 5).
    pub mtu: u16,
    /// Kind of device.
    pub kind: WireguardKind,
    /// Name that the device is born with, and that its userspace socket keeps.
    pub device: IfName,
    /// Name servers for networks that configure none.
    pub dns: Dns,
}

/// The hub as a container sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hub {
    /// Its key.
    pub public_key: PublicKey,
    /// Its port on the host's loopback.
    pub endpoint: SocketAddr,
}

/// Name servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dns {
    /// Their addresses.
    pub nameservers: Vec<IpAddr>,
    /// Local domain; may be empty.
    pub domain: String,
    /// Search list.
    pub search: Vec<String>,
}

/// What the node holds for an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// As Attach answered.
    pub attached: Attached,
    /// The container's key.
    pub public_key: PublicKey,
    /// The namespace that it was attached in.
    pub namespace: Namespace,
}

/// Takes an attachment away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detach {
    /// Which one.
    pub key: AttachmentKey,
    /// Only if it has this key.
    pub public_key: Option<PublicKey>,
    /// When the caller began, since the host's boot (`CLOCK_BOOTTIME`), where it says.
    pub started: Option<Duration>,
}

/// An attachment that was taken away because it is not in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Which one.
    pub key: AttachmentKey,
    /// Where its interface may still be.
    pub namespace: Namespace,
}

/// Takes away what is not in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// Only in this network.
    pub network: NetworkName,
    /// What is in use; `None`: take away only what is provably dead.
    pub valid: Option<BTreeSet<(ContainerId, IfName)>>,
}
