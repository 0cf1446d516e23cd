//! The mark of what is ours: the alias of an interface.

use crate::state::LinkName;
use wgcni_model::{ClusterId, ContainerId};

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

/// The alias of a container's interface; a very long id is cut to what the kernel takes.
pub fn container(id: &ClusterId, container: &ContainerId) -> String {
    let mut alias = cluster(id) + container.as_str();
    // Names are ASCII, so that every length is a boundary.
    alias.truncate(LONGEST);
    alias
}
