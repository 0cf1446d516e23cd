//! Changes performed. Each may be repeated: there already and gone already are success.
//! Where the firewall cannot be set, nothing is opened; what is open stays.

use super::{Host, Report, observe};
use crate::diff::Change;
use crate::error::{Doing, Error};
use crate::mark;
use crate::netlink::{
    Conntrack, KernelRoute, KernelTarget, LinkInfo, RouteKind, RouteRequest, add_address,
    create_wireguard, delete, lower_noise, remove_address, set_alias, set_mtu, unless, up,
};
use crate::state::{LinkName, PROTOCOL, Route, Target};
use crate::wireguard::{Device, Engine};
use ipnetwork::IpNetwork;
use std::collections::BTreeMap;
use std::io;
use wgcni_fault::around;

pub(super) fn apply(host: &Host, changes: Vec<Change>) -> Report {
    let mut report = Report::default();
    let (mut routes, mut is_protected) = (Vec::new(), true);
    for change in changes {
        if is_route(&change) {
            routes.push(change);
            continue;
        }
        apply_routes(host, std::mem::take(&mut routes), &mut report);
        let outcome = match change {
            _ if !is_protected && opens(&change) => Err(Error::Unprotected),
            _ => one(host, &change),
        };
        is_protected &= outcome.is_ok() || !matches!(change, Change::SetFirewall(_, Some(_)));
        report.add(change, outcome);
    }
    apply_routes(host, routes, &mut report);
    report
}

/// Whether packets may pass after it that did not before.
fn opens(change: &Change) -> bool {
    match change {
        Change::SetUp(_) => true,
        Change::SetSysctl(key, _) => key.opens(),
        _ => false,
    }
}

fn is_route(change: &Change) -> bool {
    matches!(change, Change::AddRoute(_) | Change::ReplaceRoute(_) | Change::RemoveRoute(_))
}

fn one(host: &Host, change: &Change) -> Result<(), Error> {
    match change {
        Change::CreateLink(name) => create_link(host, *name),
        Change::DeleteLink(name) => delete_link(host, *name),
        Change::SetMtu(name, mtu) => {
            let mtu = |link: &LinkInfo| set_mtu(link.index, *mtu);
            around!("host.set-mtu", on_link(host, *name, mtu, &[], "set MTU of"))
        }
        Change::SetUp(name) => {
            around!("host.raise", on_link(host, *name, |link| up(link.index), &[], "raise"))
        }
        Change::AddAddress(name, address) => {
            let add = |link: &LinkInfo| add_address(link.index, *address);
            let what = format!("add {address} to");
            around!("host.add-address", on_link(host, *name, add, &[libc::EEXIST], &what))
        }
        Change::RemoveAddress(name, address) => {
            let remove = |link: &LinkInfo| remove_address(link.index, *address);
            let (gone, what) = ([libc::EADDRNOTAVAIL], format!("remove {address} from"));
            around!("host.remove-address", on_link(host, *name, remove, &gone, &what))
        }
        Change::SetDevice(name, wireguard) => {
            around!("host.set-device", device(host, *name)?.set(wireguard))
        }
        Change::SetPeer(name, key, peer) => {
            around!("host.set-peer", device(host, *name)?.set_peer(key, peer))
        }
        Change::RemovePeer(name, key) => {
            around!("host.remove-peer", device(host, *name)?.remove_peer(key))
        }
        Change::ForgetFlows(_, networks) => {
            let networks: Vec<IpNetwork> = networks.iter().copied().collect();
            around!("host.forget-flows", forget(&networks)).doing(|| change.to_string())
        }
        Change::SetFirewall(family, rules) => {
            around!("host.firewall", host.tool(*family).set(rules.as_ref()))
        }
        Change::SetSysctl(key, value) => {
            around!("host.sysctl", key.write(value)).doing(|| format!("set {key} to {value}"))
        }
        Change::AddRoute(_) | Change::ReplaceRoute(_) | Change::RemoveRoute(_) => Ok(()),
    }
}

fn device(host: &Host, name: LinkName) -> Result<Device, Error> {
    Device::new(&host.engine, name.as_str())
}

/// A kernel that tracks nothing has nothing to forget.
fn forget(networks: &[IpNetwork]) -> io::Result<()> {
    let Some(conntrack) = Conntrack::open()? else { return Ok(()) };
    let flows = conntrack.forget(networks)?;
    tracing::debug!(flows, networks = networks.len(), "forgot flows of peers that are gone");
    Ok(())
}

/// One request about a link that is there and ours; some refusals are fine.
fn on_link(
    host: &Host,
    name: LinkName,
    request: impl FnOnce(&LinkInfo) -> RouteRequest,
    fine: &[i32],
    what: &str,
) -> Result<(), Error> {
    let what = || format!("{what} {name}");
    let link = observe::find(host, name)?;
    let link = link.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV)).doing(what)?;
    host.netlink.request_unless(request(&link), fine).doing(what)
}

fn create_link(host: &Host, name: LinkName) -> Result<(), Error> {
    delete_link(host, name)?;
    let alias = mark::link(&host.cluster, name);
    let what = || format!("create {name}");
    match &host.engine {
        Engine::Kernel => {
            // Both in one datagram, which a kill cannot tear: no link without its mark.
            let mark = set_alias(name.as_str(), &alias);
            let create = create_wireguard(name.as_str(), None);
            let both = around!("host.create-device", host.netlink.batch(&[create, mark]));
            let both = both.doing(what)?;
            both.into_iter().collect::<io::Result<()>>().doing(what)?;
        }
        Engine::Userspace(tunnels) => {
            around!("host.create-device", tunnels.create(name.as_str()))?;
            let mark = set_alias(name.as_str(), &alias);
            around!("host.mark-device", host.netlink.request(mark)).doing(what)?;
        }
    }
    // Without IPv6 there is no noise either.
    let _ = host.netlink.request(lower_noise(name.as_str()));
    Ok(())
}

fn delete_link(host: &Host, name: LinkName) -> Result<(), Error> {
    let Some(link) = observe::find(host, name)? else { return Ok(()) };
    let delete = || {
        if let Engine::Userspace(tunnels) = &host.engine {
            // The process may be gone; what it leaves behind goes by netlink.
            let _ = tunnels.delete(name.as_str());
        }
        host.netlink.request_unless(delete(link.index), &[libc::ENODEV])
    };
    around!("host.delete-device", delete()).doing(|| format!("delete {name}"))
}

/// All routes in one go.
fn apply_routes(host: &Host, changes: Vec<Change>, report: &mut Report) {
    if changes.is_empty() {
        return;
    }
    let links = match observe::indices(host) {
        Ok(links) => links.into_iter().map(|(index, name)| (name, index)).collect(),
        Err(error) => {
            tracing::debug!(%error, "no links for routes");
            BTreeMap::new()
        }
    };
    let (mut requests, mut tried) = (Vec::new(), Vec::new());
    for change in changes {
        match route_requests(host, &change, &links) {
            Ok(list) => {
                tried.push((change, list.len()));
                requests.extend(list);
            }
            Err(error) => report.add(change, Err(error)),
        }
    }
    let mut outcomes = match around!("host.routes", host.netlink.batch(&requests)) {
        Ok(outcomes) => outcomes.into_iter(),
        // The socket is broken: nobody knows which were made.
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            let broken = || Err(io::Error::from_raw_os_error(errno));
            requests.iter().map(|_| broken()).collect::<Vec<_>>().into_iter()
        }
    };
    for (change, count) in tried {
        let outcome = outcomes.by_ref().take(count).collect::<Vec<_>>();
        let outcome = outcome.into_iter().try_for_each(|one| settle(&change, one));
        let outcome = outcome.doing(|| change.to_string());
        report.add(change, outcome);
    }
}

/// A route that is gone needs no removal. One that is there in the way of a new one is not
/// ours, or it would have been replaced: that is an error.
fn settle(change: &Change, outcome: io::Result<()>) -> io::Result<()> {
    match change {
        Change::RemoveRoute(_) => unless(outcome, &[libc::ESRCH]),
        _ => outcome,
    }
}

fn route_requests(
    host: &Host,
    change: &Change,
    links: &BTreeMap<LinkName, u32>,
) -> Result<Vec<RouteRequest>, Error> {
    Ok(match change {
        Change::AddRoute(route) => vec![kernel_route(route, links)?.add(RouteKind::New)],
        Change::ReplaceRoute(route) => vec![kernel_route(route, links)?.add(RouteKind::Replace)],
        Change::RemoveRoute(route) if route.target == Target::Other => others(host, route)?,
        // With its link it has gone.
        Change::RemoveRoute(route) => {
            kernel_route(route, links).map_or_else(|_| Vec::new(), |route| vec![route.remove()])
        }
        _ => Vec::new(),
    })
}

fn kernel_route(route: &Route, links: &BTreeMap<LinkName, u32>) -> Result<KernelRoute, Error> {
    let gone = || io::Error::from_raw_os_error(libc::ENODEV);
    let target = match route.target {
        Target::Link { link, source } => {
            let index = links.get(&link).ok_or_else(gone);
            let index = *index.doing(|| format!("route {route}"))?;
            KernelTarget::Link { index, source }
        }
        Target::Unreachable => KernelTarget::Unreachable,
        Target::Other => KernelTarget::Other(None),
    };
    let Route { destination, metric, .. } = *route;
    Ok(KernelRoute { destination, metric, target, protocol: PROTOCOL })
}

/// Removals of what bears our number and is nothing that we make.
fn others(host: &Host, route: &Route) -> Result<Vec<RouteRequest>, Error> {
    let links = observe::indices(host)?;
    let all = host.netlink.routes(PROTOCOL).doing(|| "read routes".to_owned())?;
    let same = all.into_iter().filter(|r| observe::convert(r, &links) == *route);
    Ok(same.map(|route| route.remove()).collect())
}
