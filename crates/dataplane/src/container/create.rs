//! Making a container's interface.

use super::Wish;
use super::wake::Wake;
use crate::error::{Doing, Error};
use crate::namespace::Namespace;
use crate::netlink::{
    KernelRoute, KernelTarget, Netlink, RouteKind, add_address, christen, create_wireguard, delete,
    lower_noise, up,
};
use crate::state::{PROTOCOL, Sysctl, Wireguard};
use crate::wireguard::{Device, Engine};
use ipnetwork::IpNetwork;
use nix::net::if_::if_nametoindex;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};
use wgcni_fault::around;
use wgcni_model::{IfName, PrivateKey};

/// Index of the loopback interface in every namespace.
const LOOPBACK: u32 = 1;

/// Metric of routes that find the way taken, and a link's index more: after all that have
/// none (the kernel makes 1024 of that for IPv6).
const BEHIND: u32 = 4096;

/// Longest wait for the kernel to use a new address; a busy one needs milliseconds.
const SETTLE: Duration = Duration::from_secs(1);

/// A container's interface that is deleted again when dropped, until it is kept.
#[derive(Debug)]
#[must_use = "dropping it deletes the interface"]
pub struct Guard {
    engine: Engine,
    device: IfName,
    inside: Netlink,
    /// Its index in there, once known.
    index: Option<u32>,
    kept: bool,
}

impl Guard {
    /// Keeps the interface.
    pub fn commit(mut self) {
        self.kept = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Engine::Userspace(tunnels) = &self.engine {
            report(tunnels.delete(self.device.as_str()));
        }
        if let Some(index) = self.index {
            let deleted = self.inside.request_unless(delete(index), &[libc::ENODEV]);
            report(deleted.doing(|| format!("delete {}", self.device)));
        }
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
    let host = Netlink::open()?;
    namespace.run(|| {
        if if_nametoindex(wish.ifname.as_str()).is_ok() {
            return Err(Error::Exists(wish.ifname.clone()));
        }
        let inside = Netlink::open()?;
        let (engine, device) = (engine.clone(), wish.device.clone());
        around!("container.create-device", bear(&engine, &host, namespace, device.as_str()))?;
        let mut guard = Guard { engine, device, inside, index: None, kept: false };
        guard.furnish(wish, private_key)?;
        Wake::open(wish.addresses.v4().is_some())?.send(&wish.ifname);
        guard.settle(wish)?;
        Ok(guard)
    })?
}

/// The device comes into being in the container's namespace, while its encrypted packets come
/// and go in that of the host's netlink socket or of the tunnels process. Its name there is made
/// of its key: nobody else has it.
fn bear(engine: &Engine, host: &Netlink, namespace: &Namespace, device: &str) -> Result<(), Error> {
    match engine {
        Engine::Kernel => {
            let request = create_wireguard(device, Some(namespace.as_fd()));
            host.request(request).doing(|| format!("create {device}"))
        }
        Engine::Userspace(tunnels) => tunnels.create_in(device, namespace.as_fd()),
    }
}

/// All of it on a thread in the container's namespace.
impl Guard {
    fn furnish(&mut self, wish: &Wish, private_key: &PrivateKey) -> Result<(), Error> {
        let device = self.device.as_str();
        let index = if_nametoindex(device).doing(|| format!("find {device}"))?;
        self.index = Some(index);
        let hub = BTreeMap::from([(wish.hub_key, wish.hub.clone())]);
        // On any port.
        let keys = Wireguard { private_key: private_key.clone(), listen_port: 0, peers: hub };
        around!("container.set-device", Device::new(&self.engine, device)?.set(&keys))?;
        let ifname = wish.ifname.as_str();
        let christen = christen(index, ifname, &wish.alias, wish.mtu);
        match around!("container.christen", self.inside.request(christen)) {
            // Somebody else took the name a moment ago.
            Err(e) if e.raw_os_error() == Some(libc::EEXIST) => {
                return Err(Error::Exists(wish.ifname.clone()));
            }
            other => other.doing(|| format!("rename {device} to {ifname}"))?,
        }
        if wish.addresses.v6().is_some() {
            turn_on_v6(ifname)?;
        }
        self.connect(index, wish)
    }

    /// Addresses, up, routes, in one datagram.
    fn connect(&self, index: u32, wish: &Wish) -> Result<(), Error> {
        let ifname = &wish.ifname;
        // Without IPv6 it is refused, and there is no noise either.
        let quiet = lower_noise(ifname.as_str());
        let addresses = wish.networks().map(|net| (format!("add {net}"), add_address(index, net)));
        let raise = [("raise it".to_owned(), up(index)), ("raise lo".to_owned(), up(LOOPBACK))];
        let routes = wish.routes.iter();
        let routes =
            routes.map(|to| (format!("route {to}"), route(*to, index).add(RouteKind::New)));
        let (what, steps): (Vec<_>, Vec<_>) = addresses.chain(raise).chain(routes).unzip();
        let requests = [vec![quiet], steps].concat();
        let outcomes = around!("container.connect", self.inside.batch(&requests));
        let mut outcomes = outcomes.doing(|| format!("set up {ifname}"))?;
        let ways = outcomes.split_off(outcomes.len() - wish.routes.len());
        for (to, outcome) in wish.routes.iter().zip(ways) {
            outcomes.push(self.behind(*to, index, outcome));
        }
        let steps = what.into_iter().zip(outcomes.into_iter().skip(1));
        steps.into_iter().try_for_each(|(what, one)| one.doing(|| format!("{what} on {ifname}")))
    }

    /// A second attachment in a namespace finds the way taken: the first one's stays, and this
    /// one's comes behind it.
    fn behind(&self, to: IpNetwork, index: u32, outcome: io::Result<()>) -> io::Result<()> {
        match outcome {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                let behind = KernelRoute { metric: BEHIND + index, ..route(to, index) };
                self.inside.request(behind.add(RouteKind::New))
            }
            other => other,
        }
    }

    /// Waits until the IPv6 address is in use. The kernel takes an address at once, but routes
    /// to it from a work queue, and until then drops what comes for it.
    fn settle(&self, wish: &Wish) -> Result<(), Error> {
        let Some(IpAddr::V6(address)) = wish.addresses.v6() else { return Ok(()) };
        let end = Instant::now() + SETTLE;
        while !self.inside.is_local(address).doing(|| format!("look for {address}"))? {
            if Instant::now() > end {
                tracing::warn!(%address, "the kernel takes its time to use the address");
                break;
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

/// Some runtimes turn IPv6 off in a new namespace: on our interface it is turned on again.
fn turn_on_v6(ifname: &str) -> Result<(), Error> {
    let off = Sysctl::disable_ipv6(ifname);
    let set = || match off.read()?.as_deref() {
        Some("1") => off.write("0"),
        _ => Ok(()),
    };
    set().doing(|| format!("set {off} to 0"))
}

pub(super) fn route(to: IpNetwork, index: u32) -> KernelRoute {
    let target = KernelTarget::Link { index, source: None };
    KernelRoute { destination: to, metric: 0, target, protocol: PROTOCOL }
}
