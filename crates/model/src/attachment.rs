//! Attachments: a container's interface in a network.

use crate::name::{ContainerId, IfName, NetworkName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who an attachment is; the three together are unique on a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttachmentKey {
    /// The CNI network.
    pub network: NetworkName,
    /// The container.
    pub container_id: ContainerId,
    /// The interface in the container.
    pub ifname: IfName,
}

impl fmt::Display for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.network, self.container_id, self.ifname)
    }
}

/// Identity of a network namespace: device and inode number of its file (`stat(2)`).
///
/// Two equal identities in one boot at one time are one namespace; the kernel may use the
/// numbers of a dead one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespaceId {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

/// Where WireGuard runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WireguardKind {
    /// In the kernel.
    Kernel,
    /// In the node's tunnels process.
    Userspace,
}

impl fmt::Display for WireguardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kernel => "kernel",
            Self::Userspace => "userspace",
        })
    }
}
