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
    /// The interface, as the runtime named it.
    pub ifname: IfName,
}

impl AttachmentKey {
    /// A short identity for names of files, devices and marks: 128-bit FNV-1a of the three
    /// names, each ended by a NUL. The same in every version of every program.
    pub fn fingerprint(&self) -> u128 {
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let names = [self.network.as_str(), self.container_id.as_str(), self.ifname.as_str()];
        let bytes = names.into_iter().flat_map(|name| name.bytes().chain([0]));
        bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
    }
}

impl fmt::Display for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.network, self.container_id, self.ifname)
    }
}

/// Identity of a network namespace. Two equal ones in one boot are one namespace, where the
/// kernel tells cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespaceId {
    /// Device number of its file (`stat(2)`).
    pub device: u64,
    /// Inode number of its file. The next namespace has that of one that just died.
    pub inode: u64,
    /// What the kernel calls it, and no other in this boot (`SO_NETNS_COOKIE`); before Linux
    /// 5.14 nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<u64>,
}

impl NamespaceId {
    /// Whether both may be one namespace: a cookie that only one has tells nothing.
    pub fn may_be(self, other: Self) -> bool {
        let same = self.cookie.zip(other.cookie).is_none_or(|(one, two)| one == two);
        same && (self.device, self.inode) == (other.device, other.inode)
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_fingerprint_never_changes_and_tells_names_apart() {
        let key = |network: &str, id: &str| AttachmentKey {
            network: network.parse().unwrap(),
            container_id: id.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        };
        let fingerprint = key("wgnet", "c1").fingerprint();
        assert_eq!(fingerprint, 0x0874_da2e_9acc_6ecc_4358_6f03_9abc_7d61);
        assert_ne!(fingerprint, key("wgnet", "c2").fingerprint());
        assert_ne!(key("ab", "c").fingerprint(), key("a", "bc").fingerprint());
    }
}
