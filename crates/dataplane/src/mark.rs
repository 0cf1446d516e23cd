//! The mark of what is ours: the alias of an interface.

use crate::state::LinkName;
use wgcni_model::{AttachmentKey, ClusterId};

/// What the alias of every interface of ours starts with, whatever its cluster.
pub const PREFIX: &str = "wgcni:";

/// What the alias of every interface of a cluster starts with.
pub fn cluster(cluster: &ClusterId) -> String {
    format!("{PREFIX}{cluster}:")
}

/// The alias of one of the host's own links.
pub fn link(id: &ClusterId, link: LinkName) -> String {
    let what = match link {
        LinkName::Hub => "hub",
        LinkName::Mesh => "mesh",
    };
    cluster(id) + what
}

/// Longest alias that the kernel takes, in bytes.
const LONGEST: usize = 255;

/// What the alias of a container's interface starts with. It names the attachment and not
/// the cluster, which the plugin does not know while the node-manager is down.
pub fn attachment(key: &AttachmentKey) -> String {
    format!("{PREFIX}{:032x}:", key.fingerprint())
}

/// The alias of a container's interface: its attachment, and for people the container's
/// id, as much of it as the kernel takes.
pub fn container(key: &AttachmentKey) -> String {
    let mut alias = attachment(key) + key.container_id.as_str();
    // Names are ASCII, so that every length is a boundary.
    alias.truncate(LONGEST);
    alias
}
