//! What a host holds of ours, listed by mark.

use super::{Host, Seen};
use crate::error::{Doing, Error};
use crate::firewall::Firewall;
use crate::mark;
use crate::netlink::{KernelRoute, KernelTarget, Kind, LinkInfo};
use crate::parts::Parts;
use crate::state::{Link, LinkName, PROTOCOL, Route, State, Target, Traffic};
use crate::wireguard::{Device, Engine, known, traffic, wireguard};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;
use wgcni_model::{Family, PublicKey};

/// Observes these parts; the wish only tells which settings matter and which keys are good.
pub(super) fn observe(host: &Host, want: &State, parts: Parts) -> Result<Seen, Error> {
    let Seen { mut state, mut traffic } = Seen::default();
    for name in LinkName::ALL {
        if parts.contains(name.part())
            && let Some((link, passed)) = link(host, want, name)?
        {
            state.links.insert(name, link);
            traffic = passed;
        }
    }
    if parts.contains(Parts::ROUTES) {
        state.routes = routes(host)?;
    }
    if parts.contains(Parts::FIREWALL) {
        state.firewall = firewall(host, &want.firewall)?;
    }
    if parts.contains(Parts::SYSCTLS) {
        state.sysctls = host.sysctls(want.sysctls.keys())?;
    }
    Ok(Seen { state, traffic })
}

type Passed = BTreeMap<PublicKey, Traffic>;

/// A link of ours, if it is there and its engine runs it. One that another engine made, or
/// whose process is gone, counts as missing; to create it removes it first.
fn link(host: &Host, want: &State, name: LinkName) -> Result<Option<(Link, Passed)>, Error> {
    let Some(info) = find(host, name)?.filter(|info| info.kind == host.engine.link()) else {
        return Ok(None);
    };
    if !info.is_marked(&mark::cluster(&host.cluster)) {
        return Ok(None);
    }
    let Some(device) = Device::new(&host.engine, name.as_str())?.read()? else {
        return Ok(None);
    };
    let addresses = host.netlink.addresses(info.index).doing(|| format!("read {name}"))?;
    let wish = want.links.get(&name).into_iter();
    let known = known(wish.flat_map(|link| link.wireguard.peers.keys()));
    let now = SystemTime::now();
    let passed = match name {
        LinkName::Mesh => traffic(&device, &known, now),
        LinkName::Hub => Passed::new(),
    };
    let wireguard = wireguard(device, &known, now);
    Ok(Some((Link { mtu: info.mtu, up: info.up, addresses, wireguard }, passed)))
}

/// What has passed between a link of ours and those of its peers that have one of these
/// keys; nothing where there is no such link.
pub(super) fn passed<'a>(
    host: &Host,
    name: LinkName,
    keys: impl IntoIterator<Item = &'a PublicKey>,
) -> Result<Passed, Error> {
    let found = find(host, name)?.filter(|info| info.kind == host.engine.link());
    if found.is_none() {
        return Ok(Passed::new());
    }
    let device = Device::new(&host.engine, name.as_str())?.read()?;
    let known = known(keys);
    Ok(device.map_or_else(Passed::new, |device| traffic(&device, &known, SystemTime::now())))
}

/// The link of our name, which must be ours.
pub(super) fn find(host: &Host, name: LinkName) -> Result<Option<LinkInfo>, Error> {
    let found = host.netlink.link(name.as_str()).doing(|| format!("read {name}"))?;
    match found {
        Some(info) if !is_ours(host, &info) => Err(Error::Foreign(name)),
        other => Ok(other),
    }
}

fn is_ours(host: &Host, info: &LinkInfo) -> bool {
    if info.is_marked(&mark::cluster(&host.cluster)) {
        return true;
    }
    // A crash between making a userspace device and marking it leaves one without a mark,
    // but the tunnels process knows it.
    match &host.engine {
        Engine::Userspace(tunnels) if info.kind == Kind::Tun && info.alias.is_none() => {
            tunnels.list().is_ok_and(|devices| devices.contains(&info.name))
        }
        _ => false,
    }
}

fn routes(host: &Host) -> Result<BTreeSet<Route>, Error> {
    let links = indices(host)?;
    let routes = host.netlink.routes(PROTOCOL).doing(|| "read routes".to_owned())?;
    Ok(routes.iter().map(|route| convert(route, &links)).collect())
}

/// Our links by index.
pub(super) fn indices(host: &Host) -> Result<BTreeMap<u32, LinkName>, Error> {
    let mut links = BTreeMap::new();
    for name in LinkName::ALL {
        let found = host.netlink.link(name.as_str()).doing(|| format!("read {name}"))?;
        links.extend(found.map(|info| (info.index, name)));
    }
    Ok(links)
}

pub(super) fn convert(route: &KernelRoute, links: &BTreeMap<u32, LinkName>) -> Route {
    let target = match route.target {
        KernelTarget::Link { index, source } => match links.get(&index) {
            Some(&link) => Target::Link { link, source },
            None => Target::Other,
        },
        KernelTarget::Unreachable => Target::Unreachable,
        KernelTarget::Other(_) => Target::Other,
    };
    Route { destination: route.destination, metric: route.metric, target }
}

/// A family that is not wished for may be one that the host cannot do at all.
fn firewall(host: &Host, want: &Firewall) -> Result<Firewall, Error> {
    let mut found = Firewall::default();
    for family in [Family::V4, Family::V6] {
        match host.tool(family).observe() {
            Ok(rules) => found.0.extend(rules.map(|rules| (family, rules))),
            Err(error) if want.0.contains_key(&family) => return Err(error),
            Err(error) => tracing::debug!(%error, "no firewall for {family}"),
        }
    }
    Ok(found)
}
