//! Real container runtimes on the nodes of a lab: Debian's own packages, each on
//! directories of the node's own, so that the machine and other nodes never see them.
//!
//! Whatever a runtime starts lies in control groups that carry the run's id; taking the
//! run down ends it, also what has namespaces of its own.

pub mod cgroup;
pub mod containerd;
pub mod image;
pub mod podman;
mod traces;

use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::command::{checked, words};
use crate::host::Host;
use crate::node::Node;
use crate::programs;

pub use containerd::Containerd;
pub use podman::Podman;
pub use traces::{as_before, traces};

/// Where runtimes look for plugins.
pub const PLUGINS: &str = "/opt/cni/bin";

/// Directory above [`PLUGINS`], for a host to cover.
const PLUGINS_ABOVE: &str = "/opt/cni";

/// Covers a runtime's default directories on a node, and puts plugins and an image there;
/// the image's archive.
fn prepare(cluster: &Cluster, node: &Node, directories: &[&str]) -> Result<PathBuf> {
    node.host().cover(directories)?;
    install_plugins(node.host())?;
    image::write(&cluster.lab().run().directory().join(format!("{}-image", node.name())))
}

/// Puts our plugin and the reference plugins where runtimes look for them; `/opt/cni` is
/// the host's own.
fn install_plugins(host: &Host) -> Result<()> {
    let directory = host.path(PLUGINS);
    std::fs::create_dir_all(&directory)?;
    symlink(programs::find("wireguard-cni")?, directory.join("wireguard-cni"))?;
    let reference = Path::new(programs::REFERENCE_PLUGINS);
    for name in ["loopback", "portmap", "firewall", "tuning", "bandwidth"] {
        symlink(reference.join(name), directory.join(name))?;
    }
    Ok(())
}

/// What the kernel has on `eth0` beside a process, IPv4 first.
fn addresses_of(process: &str) -> Result<Vec<IpAddr>> {
    let netns = format!("--net=/proc/{process}/ns/net");
    let show = ["nsenter", &netns, "ip", "-j", "address", "show", "eth0", "scope", "global"];
    let text = checked(&mut words(&show))?;
    let links: Value = serde_json::from_str(&text)?;
    let all = links[0]["addr_info"].as_array().with_context(|| text.clone())?;
    let local = |address: &Value| address["local"].as_str()?.parse().ok();
    let mut addresses: Vec<IpAddr> = all.iter().filter_map(local).collect();
    addresses.sort();
    Ok(addresses)
}
