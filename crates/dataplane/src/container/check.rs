//! Comparing a container's interface with how it should be.

use super::Wish;
use super::create::route;
use crate::error::Error;
use crate::mark;
use crate::namespace::Namespace;
use crate::netlink::{LinkInfo, Netlink};
use crate::state::{PROTOCOL, Wireguard};
use crate::wireguard::{Device, Engine, wireguard};
use ipnetwork::IpNetwork;
use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::SystemTime;
use wgcni_model::PublicKey;

/// What is wrong with a container's interface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is none of that name.
    Missing,
    /// It does not bear our mark.
    Foreign,
    /// It is down.
    Down,
    /// Its MTU is this.
    Mtu(u32),
    /// It lacks this address.
    Address(IpNetwork),
    /// It lacks the route to there.
    Route(IpNetwork),
    /// Its own key is another.
    Key,
    /// The hub is not its peer.
    Peer,
    /// The hub's endpoint or allowed IPs are others.
    Hub,
    /// It could not be looked at.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the interface is gone"),
            Self::Foreign => f.write_str("the interface is not ours"),
            Self::Down => f.write_str("the interface is down"),
            Self::Mtu(mtu) => write!(f, "the MTU is {mtu}"),
            Self::Address(net) => write!(f, "address {net} is missing"),
            Self::Route(net) => write!(f, "the route to {net} is missing"),
            Self::Key => f.write_str("the interface has another key"),
            Self::Peer => f.write_str("the hub is not a peer"),
            Self::Hub => f.write_str("the hub's endpoint or allowed addresses differ"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Unreadable(format!("{error}{cause}"))
    }
}

/// Compares the interface with how it should be; `own_key` is its public key, where known.
///
/// # Errors
/// All that is wrong.
pub fn check(
    engine: &Engine,
    namespace: &Namespace,
    wish: &Wish,
    own_key: Option<PublicKey>,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    match find(namespace, wish) {
        Err(problem) => problems.push(problem),
        Ok((inside, link)) => {
            on_link(&link, wish, &mut problems);
            if let Err(problem) = in_kernel(&inside, &link, wish, &mut problems) {
                problems.push(problem);
            }
            match device(engine, namespace, wish) {
                Ok(device) => on_device(&device, wish, own_key, &mut problems),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn find(namespace: &Namespace, wish: &Wish) -> Result<(Netlink, LinkInfo), Problem> {
    let inside = namespace.run(Netlink::open)??;
    let link = inside.link(wish.ifname.as_str())?.ok_or(Problem::Missing)?;
    if link.is_marked(mark::PREFIX) { Ok((inside, link)) } else { Err(Problem::Foreign) }
}

fn on_link(link: &LinkInfo, wish: &Wish, problems: &mut Vec<Problem>) {
    if !link.up {
        problems.push(Problem::Down);
    }
    if link.mtu != wish.mtu {
        problems.push(Problem::Mtu(link.mtu));
    }
}

fn in_kernel(
    inside: &Netlink,
    link: &LinkInfo,
    wish: &Wish,
    problems: &mut Vec<Problem>,
) -> Result<(), Problem> {
    let addresses = inside.addresses(link.index)?;
    let lacking = wish.networks().filter(|net| !addresses.contains(net));
    problems.extend(lacking.map(Problem::Address));
    let routes = inside.routes(PROTOCOL)?;
    let is_there = |to: &IpNetwork| {
        let target = route(*to, link.index).target;
        routes.iter().any(|r| r.destination == *to && r.target == target)
    };
    let lacking = wish.routes.iter().filter(|to| !is_there(to));
    problems.extend(lacking.map(|to| Problem::Route(*to)));
    Ok(())
}

/// A kernel device is reached from within, by its name there.
fn device(engine: &Engine, namespace: &Namespace, wish: &Wish) -> Result<Wireguard, Problem> {
    let host = match engine {
        Engine::Kernel => namespace.run(|| Device::new(engine, wish.ifname.as_str())?.read())??,
        Engine::Userspace(_) => Device::new(engine, wish.device.as_str())?.read()?,
    };
    let host = host.ok_or_else(|| Problem::Unreadable("the tunnel is gone".to_owned()))?;
    Ok(wireguard(host, &HashMap::new(), SystemTime::now()))
}

fn on_device(
    device: &Wireguard,
    wish: &Wish,
    own_key: Option<PublicKey>,
    problems: &mut Vec<Problem>,
) {
    if own_key.is_some_and(|key| key != device.private_key.public_key()) {
        problems.push(Problem::Key);
    }
    match device.peers.get(&wish.hub_key) {
        None => problems.push(Problem::Peer),
        Some(hub) => {
            let reached = wish.hub.endpoint.is_none() || hub.endpoint == wish.hub.endpoint;
            if !reached || hub.allowed_ips != wish.hub.allowed_ips {
                problems.push(Problem::Hub);
            }
        }
    }
}
