//! The container's network namespace, and what our interface in it should be.

use crate::error::Error;
use crate::request::Container;
use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use wgcni_api::node::{Attached, Hub};
use wgcni_dataplane::container::{KEEPALIVE, Wish, remove};
use wgcni_dataplane::{Namespace, Peer, mark};
use wgcni_model::{Addresses, AttachmentKey, Family, IfName, PublicKey};

/// Opens the container's namespace, once: its path may mean another one later.
///
/// # Errors
/// There is none, it is no network namespace, or it is the host's.
pub fn open(container: &Container) -> Result<Namespace, Error> {
    let netns = &container.netns;
    let wrong = |what| Error::Environment(vec![format!("CNI_NETNS {netns:?} is {what}")]);
    let namespace = Namespace::open(Path::new(netns)).map_err(|error| match error {
        wgcni_dataplane::Error::NotNamespace(_) => wrong("not a network namespace"),
        error if error.errno() == Some(nix::libc::ENOENT) => {
            Error::Unknown(container.key.container_id.to_string(), Some(error.into()))
        }
        error => Error::Namespace { what: "look", cause: error.into() },
    })?;
    let host = Namespace::current().and_then(|host| host.identity());
    let look =
        |error: wgcni_dataplane::Error| Error::Namespace { what: "look", cause: error.into() };
    if host.map_err(look)? == namespace.identity().map_err(look)? {
        return Err(wrong("the host's own network namespace"));
    }
    Ok(namespace)
}

/// Whether the namespace has an interface of that name.
///
/// # Errors
/// The namespace cannot be entered.
pub fn has(namespace: &Namespace, name: &IfName) -> Result<bool, Error> {
    let look = |cause| Error::Namespace { what: "look for an interface", cause };
    match namespace.run(|| if_nametoindex(name.as_str())).map_err(|e| look(e.into()))? {
        Ok(_) => Ok(true),
        Err(Errno::ENODEV) => Ok(false),
        Err(errno) => Err(look(errno.into())),
    }
}

/// Names that our interface may have: the runtime's, or our own behind another plugin's.
pub fn names(container: &Container) -> [&IfName; 2] {
    [&container.key.ifname, &container.conf.interface_name]
}

/// How our interface should be: as the runtime's it carries everything, else the cluster.
pub fn wish(container: &Container, ifname: &IfName, attached: &Attached) -> Wish {
    let routes = if *ifname == container.key.ifname {
        everything(attached.addresses)
    } else {
        attached.cluster.iter().map(|prefix| prefix.network()).collect()
    };
    Wish {
        device: attached.device.clone(),
        ifname: ifname.clone(),
        alias: mark::container(&container.key),
        addresses: attached.addresses,
        hub_key: attached.hub.public_key,
        hub: hub(&attached.hub),
        mtu: attached.mtu.into(),
        routes,
    }
}

/// As much of [`wish`] as a result tells: marks, addresses, default routes. The hub in it
/// is nobody.
pub fn wish_of_result(container: &Container, ifname: &IfName, told: &[IpNetwork]) -> Option<Wish> {
    let addresses = Addresses::from_items(told.iter().map(IpNetwork::ip)).ok()?;
    let main = *ifname == container.key.ifname;
    Some(Wish {
        device: ifname.clone(),
        ifname: ifname.clone(),
        alias: mark::container(&container.key),
        addresses,
        // The base point: a valid key that belongs to no peer of ours.
        hub_key: PublicKey::from_bytes(&[&[9][..], &[0; 31]].concat()).ok()?,
        hub: Peer::default(),
        mtu: 0,
        routes: if main { everything(addresses) } else { Vec::new() },
    })
}

fn hub(hub: &Hub) -> Peer {
    Peer {
        endpoint: Some(hub.endpoint),
        allowed_ips: [Family::V4, Family::V6].map(whole).into(),
        keepalive: KEEPALIVE,
        ..Peer::default()
    }
}

/// The default routes of the families of these addresses.
fn everything(addresses: Addresses) -> Vec<IpNetwork> {
    addresses.iter().map(|address| whole(Family::of(address))).collect()
}

/// All addresses of a family.
fn whole(family: Family) -> IpNetwork {
    const V4: Ipv4Network = Ipv4Network::new_checked(Ipv4Addr::UNSPECIFIED, 0).expect("0 fits");
    const V6: Ipv6Network = Ipv6Network::new_checked(Ipv6Addr::UNSPECIFIED, 0).expect("0 fits");
    match family {
        Family::V4 => V4.into(),
        Family::V6 => V6.into(),
    }
}

/// Kernel work on a thread of its own: whatever hangs there, the runtime gets an answer.
pub struct Work<T>(mpsc::Receiver<T>);

impl<T: Send + 'static> Work<T> {
    /// Starts it.
    pub fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (done, result) = mpsc::sync_channel(0);
        // A result that nobody takes any more is dropped there, which undoes it.
        thread::spawn(move || done.send(work()).is_ok());
        Self(result)
    }

    /// Waits for it, but no longer than `within`.
    ///
    /// # Errors
    /// It has not ended.
    pub fn wait(self, within: Duration) -> Result<T, Error> {
        self.0.recv_timeout(within).map_err(|e| Error::Namespace { what: "wait", cause: e.into() })
    }
}

/// Starts to delete whatever interface of these names the attachment has in the namespace.
pub fn start_removal(
    key: &AttachmentKey,
    names: [&IfName; 2],
    namespace: &Arc<Namespace>,
) -> Work<Result<(), Error>> {
    let namespace = Arc::clone(namespace);
    let (names, mark) = (names.map(Clone::clone), mark::attachment(key));
    Work::start(move || {
        let removed = names.map(|name| remove(&namespace, &name, &mark));
        let failed = |e: wgcni_dataplane::Error| Error::Namespace {
            what: "delete the interface",
            cause: e.into(),
        };
        removed.into_iter().collect::<Result<(), _>>().map_err(failed)
    })
}
