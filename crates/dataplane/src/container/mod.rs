//! A container's interface: born in the container, its UDP socket in the host.
//!
//! The device comes into being in the container's namespace under a name made of its key, while
//! its UDP socket is in the host's, so that the container has no other way out. From within it is
//! configured, then named and marked in one step. Who dies before that leaves a link that is down
//! and in nobody's way; it goes with its namespace, and a userspace one when the node-manager
//! next looks for devices that no container has.
//!
//! How the hub finds the container: the hub knows its key and no endpoint. At the end of
//! [`create`] the container sends one datagram to its link's multicast group, which the hub
//! drops; the handshake before it tells the hub where the container is, within the time
//! of one round trip over loopback. From then on a keepalive every 25 s does, also after the
//! hub was made anew.

mod check;
mod create;
mod wake;

pub use check::{Problem, check};
pub use create::{Guard, create};

use crate::error::{Doing, Error};
use crate::namespace::Namespace;
use crate::netlink::{Netlink, delete};
use crate::state::Peer;
use ipnetwork::IpNetwork;
use wgcni_fault::around;
use wgcni_model::{Addresses, Family, IfName, PublicKey};

/// How a container's interface should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its name at birth; also that of its UAPI socket.
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

/// Seconds between a container's keepalives to the hub.
pub const KEEPALIVE: u16 = 25;

impl Wish {
    /// The addresses as the interface has them.
    fn networks(&self) -> impl Iterator<Item = IpNetwork> {
        let full = |ip| IpNetwork::new(ip, Family::of(ip).bits()).ok();
        self.addresses.iter().filter_map(full)
    }
}

/// Deletes the interface if its alias starts with `alias_prefix`; one that is gone or not
/// ours is left as it is, and that is success.
///
/// # Errors
/// It is ours and cannot be deleted, or the namespace cannot be entered.
pub fn remove(namespace: &Namespace, ifname: &IfName, alias_prefix: &str) -> Result<(), Error> {
    let inside = namespace.run(Netlink::open)??;
    remove_from(&inside, ifname, alias_prefix)
}

/// Deletes all interfaces of the namespace whose alias starts with `alias_prefix`, and one
/// that is named `device`: it was not given its name and alias any more.
///
/// # Errors
/// One cannot be deleted, or the namespace cannot be entered.
pub fn remove_all(namespace: &Namespace, device: &IfName, alias_prefix: &str) -> Result<(), Error> {
    let inside = namespace.run(Netlink::open)??;
    let links = inside.links().doing(|| "list a container's links".to_owned())?;
    let mut ours = links
        .into_iter()
        .filter(|link| link.is_marked(alias_prefix) || link.name == device.as_str());
    ours.try_for_each(|link| {
        let delete = inside.request_unless(delete(link.index), &[libc::ENODEV]);
        delete.doing(|| format!("delete {} of a container", link.name))
    })
}

fn remove_from(netlink: &Netlink, ifname: &IfName, alias_prefix: &str) -> Result<(), Error> {
    let what = || format!("delete {ifname}");
    match netlink.link(ifname.as_str()).doing(what)? {
        Some(link) if link.is_marked(alias_prefix) => {
            let delete = delete(link.index);
            around!("container.delete-device", netlink.request_unless(delete, &[libc::ENODEV]))
                .doing(what)
        }
        _ => Ok(()),
    }
}
