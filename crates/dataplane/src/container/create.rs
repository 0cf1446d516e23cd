//! Making a container's interface.

use super::wake::Wake;
use super::{Wish, remove_from};
use crate::error::{Doing, Error};
use crate::namespace::Namespace;
use crate::netlink::{
    KernelRoute, KernelTarget, Netlink, RouteKind, add_address, create_wireguard, lower_noise,
    move_to, set_alias, up,
};
use crate::state::{PROTOCOL, Sysctl, Wireguard};
use crate::wireguard::{Device, Engine};
use ipnetwork::IpNetwork;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use wgcni_model::{IfName, PrivateKey};

/// Index of the loopback interface in every namespace.
const LOOPBACK: u32 = 1;

/// A container's interface that is deleted again when dropped, until it is kept.
#[derive(Debug)]
#[must_use = "dropping it deletes the interface"]
pub struct Guard(Option<Undo>);

/// What it takes to delete the interface, wherever it has got to.
#[derive(Debug)]
struct Undo {
    engine: Engine,
    device: IfName,
    ifname: IfName,
    alias: String,
    host: Netlink,
    /// Set once the interface has moved.
    inside: Option<Netlink>,
}

impl Guard {
    /// Keeps the interface.
    pub fn commit(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(undo) = self.0.take() {
            undo.run();
        }
    }
}

impl Undo {
    fn run(self) {
        if let Engine::Userspace(tunnels) = &self.engine {
            report(tunnels.delete(self.device.as_str()));
        }
        report(match &self.inside {
            Some(inside) => remove_from(inside, &self.ifname, &self.alias),
            None => remove_from(&self.host, &self.device, &self.alias),
        });
    }
}

fn report(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "an interface could not be removed");
    }
}

/// Makes the interface. The calling thread is in the host's namespace.
///
/// # Errors
/// [`Error::Exists`] when the container has an interface of that name: then nothing was
/// made. After any other error everything is undone.
pub fn create(
    engine: &Engine,
    namespace: &Namespace,
    wish: &Wish,
    private_key: &PrivateKey,
) -> Result<Guard, Error> {
    let v4 = wish.addresses.v4().is_some();
    let (inside, wake) =
        namespace.run(|| Ok::<_, Error>((Netlink::open()?, Wake::open(v4)?)))??;
    if inside.link(wish.ifname.as_str()).doing(|| looking(wish))?.is_some() {
        return Err(Error::Exists(wish.ifname.clone()));
    }
    let (mut guard, host) = make(engine, wish)?;
    configure(engine, wish, private_key)?;
    transfer(&host, namespace, wish)?;
    let undo = guard.0.as_mut();
    let inside = undo.map(|undo| &*undo.inside.insert(inside));
    if let Some(inside) = inside {
        furnish(inside, namespace, wish)?;
    }
    wake.send(&wish.ifname);
    Ok(guard)
}

fn looking(wish: &Wish) -> String {
    format!("look for {}", wish.ifname)
}

/// Creates the device in the host's namespace, with its mark.
fn make(engine: &Engine, wish: &Wish) -> Result<(Guard, Netlink), Error> {
    let (host, undo_host) = (Netlink::open()?, Netlink::open()?);
    let undo = Undo {
        engine: engine.clone(),
        device: wish.device.clone(),
        ifname: wish.ifname.clone(),
        alias: wish.alias.clone(),
        host: undo_host,
        inside: None,
    };
    let device = wish.device.as_str();
    let what = || format!("create {device}");
    let first = create_device(engine, &host, wish);
    match first {
        // Who made it before has died on the way, or its container has: its name is
        // made of the attachment, and only one attempt runs for it at a time.
        Err(error) if error.errno() == Some(libc::EEXIST) => {
            if let Engine::Userspace(tunnels) = engine {
                tunnels.delete(device)?;
            }
            remove_from(&host, &wish.device, crate::mark::PREFIX)?;
            create_device(engine, &host, wish)?;
        }
        other => other?,
    }
    let guard = Guard(Some(undo));
    if let Engine::Userspace(_) = engine {
        host.request(set_alias(device, &wish.alias)).doing(what)?;
    }
    Ok((guard, host))
}

fn create_device(engine: &Engine, host: &Netlink, wish: &Wish) -> Result<(), Error> {
    let device = wish.device.as_str();
    let what = || format!("create {device}");
    match engine {
        Engine::Kernel => {
            // Both in one datagram, which a kill cannot tear: no link without its mark.
            let both = [create_wireguard(device), set_alias(device, &wish.alias)];
            let both = host.batch(&both).doing(what)?;
            both.into_iter().collect::<io::Result<()>>().doing(what)
        }
        Engine::Userspace(tunnels) => tunnels.create(device),
    }
}

/// Key, and the hub as only peer; the port is any.
fn configure(engine: &Engine, wish: &Wish, private_key: &PrivateKey) -> Result<(), Error> {
    Device::new(engine, wish.device.as_str())?.set(&Wireguard {
        private_key: private_key.clone(),
        listen_port: 0,
        peers: BTreeMap::from([(wish.hub_key, wish.hub.clone())]),
    })
}

/// Moves the device into the container, under its name there.
fn transfer(host: &Netlink, namespace: &Namespace, wish: &Wish) -> Result<(), Error> {
    let what = || format!("move {} into the network namespace", wish.device);
    let link = host.link(wish.device.as_str()).doing(what)?;
    let link = link.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV)).doing(what)?;
    let request = move_to(link.index, namespace.as_fd(), wish.ifname.as_str(), wish.mtu);
    match host.request(request) {
        // Somebody else took the name a moment ago.
        Err(e) if e.raw_os_error() == Some(libc::EEXIST) => Err(Error::Exists(wish.ifname.clone())),
        other => other.doing(what),
    }
}

/// Addresses, up, routes.
fn furnish(inside: &Netlink, namespace: &Namespace, wish: &Wish) -> Result<(), Error> {
    let ifname = wish.ifname.as_str();
    let what = || format!("set up {ifname}");
    let link = inside.link(ifname).doing(what)?;
    let link = link.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV)).doing(what)?;
    // Without IPv6 there is no noise either.
    let _ = inside.request(lower_noise(ifname));
    for address in wish.networks() {
        give(inside, namespace, link.index, ifname, address)?;
    }
    let mut requests = vec![up(link.index), up(LOOPBACK)];
    requests.extend(wish.routes.iter().map(|to| route(*to, link.index).add(RouteKind::New)));
    let outcomes = inside.batch(&requests).doing(what)?;
    let mut outcomes = outcomes.into_iter();
    outcomes.by_ref().take(2).collect::<io::Result<()>>().doing(what)?;
    let routes = wish.routes.iter().zip(outcomes);
    routes.into_iter().try_for_each(|(to, one)| one.doing(|| format!("add route {to} on {ifname}")))
}

/// Gives an address. Some runtimes turn IPv6 off in a new namespace: on our interface it
/// is then turned on again, which needs a thread in there, so only then.
fn give(
    inside: &Netlink,
    namespace: &Namespace,
    index: u32,
    ifname: &str,
    address: IpNetwork,
) -> Result<(), Error> {
    let what = || format!("add {address} to {ifname}");
    match inside.request(add_address(index, address)) {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) && address.is_ipv6() => {
            let off = Sysctl::disable_ipv6(ifname);
            namespace.run(|| off.write("0"))?.doing(|| format!("set {off} to 0"))?;
            let _ = inside.request(lower_noise(ifname));
            inside.request(add_address(index, address)).doing(what)
        }
        other => other.doing(what),
    }
}

pub(super) fn route(to: IpNetwork, index: u32) -> KernelRoute {
    let target = KernelTarget::Link { index, source: None };
    KernelRoute { destination: to, metric: 0, target, protocol: PROTOCOL }
}
