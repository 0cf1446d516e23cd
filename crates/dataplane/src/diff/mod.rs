//! From what is to what should be: which changes, in which order.
//!
//! 1. The firewall stands before there is anything to protect.
//! 2. Links are made, and their settings written (IPv6 may be off on them).
//! 3. Links get MTU, addresses, key and peers, and go up.
//! 4. Routes are added or replaced: what they lead to is there.
//!    (A link keeps an IPv4 address as long as IPv4 routes lead there: Linux drops them with
//!    the last one.)
//! 5. Routes are removed, then peers, addresses, links: nothing is sent to what is gone.
//!    What was known of flows of a peer goes after it: nothing brings it back.
//! 6. The firewall goes, where there is to be none.
//! 7. Forwarding is turned on, last.

mod change;
mod repair;

pub use change::Change;
pub use repair::{RepairKind, Settled};

use crate::parts::Parts;
use crate::state::{Link, LinkName, Peer, Route, State, Target};
use ipnetwork::IpNetwork;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use wgcni_model::{Family, PublicKey};

/// The changes that lead from `have` to `want` in the given parts; other parts of both are
/// not looked at.
pub fn diff(have: &State, want: &State, parts: Parts) -> Vec<Change> {
    let mut plan = Plan::default();
    for link in LinkName::ALL {
        if parts.contains(link.part()) {
            plan.link(link, have.links.get(&link), want.links.get(&link));
        }
    }
    if parts.contains(Parts::ROUTES) {
        plan.routes(have, want, parts);
    }
    if parts.contains(Parts::FIREWALL) {
        plan.firewall(have, want);
    }
    if parts.contains(Parts::SYSCTLS) {
        plan.sysctls(have, want, parts);
    }
    plan.in_order()
}

/// Changes by phase.
#[derive(Default)]
struct Plan {
    protect: Vec<Change>,
    create: Vec<Change>,
    settings: Vec<Change>,
    links: Vec<Change>,
    routes: Vec<Change>,
    remove_routes: Vec<Change>,
    remove_peers: Vec<Change>,
    forget: Vec<Change>,
    remove_addresses: Vec<Change>,
    remove_links: Vec<Change>,
    unprotect: Vec<Change>,
    open: Vec<Change>,
}

impl Plan {
    fn in_order(self) -> Vec<Change> {
        let phases = [
            self.protect,
            self.create,
            self.settings,
            self.links,
            self.routes,
            self.remove_routes,
            self.remove_peers,
            self.forget,
            self.remove_addresses,
            self.remove_links,
            self.unprotect,
            self.open,
        ];
        phases.into_iter().flatten().collect()
    }

    fn link(&mut self, name: LinkName, have: Option<&Link>, want: Option<&Link>) {
        match (have, want) {
            (None, None) => {}
            (Some(_), None) => self.remove_links.push(Change::DeleteLink(name)),
            (None, Some(want)) => {
                self.create.push(Change::CreateLink(name));
                self.links.push(Change::SetMtu(name, want.mtu));
                let addresses = want.addresses.iter();
                self.links.extend(addresses.map(|a| Change::AddAddress(name, *a)));
                self.links.push(Change::SetDevice(name, want.wireguard.clone()));
                self.links.push(Change::SetUp(name));
            }
            (Some(have), Some(want)) => self.adjust(name, have, want),
        }
    }

    fn adjust(&mut self, name: LinkName, have: &Link, want: &Link) {
        if have.mtu != want.mtu {
            self.links.push(Change::SetMtu(name, want.mtu));
        }
        for address in want.addresses.difference(&have.addresses) {
            self.links.push(Change::AddAddress(name, *address));
        }
        for address in have.addresses.difference(&want.addresses) {
            self.remove_addresses.push(Change::RemoveAddress(name, *address));
        }
        let (h, w) = (&have.wireguard, &want.wireguard);
        if h.listen_port != w.listen_port || h.private_key != w.private_key {
            self.links.push(Change::SetDevice(name, w.clone()));
        } else {
            self.peers(name, &h.peers, &w.peers);
        }
        let lost = lost(&h.peers, &w.peers);
        if !lost.is_empty() {
            self.forget.push(Change::ForgetFlows(name, lost));
        }
        if want.up && !have.up {
            self.links.push(Change::SetUp(name));
        }
    }

    fn peers(&mut self, name: LinkName, have: &Peers, want: &Peers) {
        let robbed = robbed(have, want);
        for (key, wish) in want {
            let is = have.get(key);
            if robbed.contains(key) || !is.is_some_and(|is| is.satisfies(wish)) {
                let mut wish = wish.clone();
                if is.is_some_and(|is| is.fresh && is.endpoint.is_some()) {
                    wish.endpoint = None;
                }
                self.links.push(Change::SetPeer(name, *key, wish));
            }
        }
        let gone = have.keys().filter(|key| !want.contains_key(key));
        self.remove_peers.extend(gone.map(|key| Change::RemovePeer(name, *key)));
    }

    fn routes(&mut self, have: &State, want: &State, parts: Parts) {
        // A link that is made anew has lost its routes, whatever was seen of them before.
        let lost =
            |route: &Route| route.link().is_some_and(|link| is_made(link, have, want, parts));
        let mut old: BTreeMap<_, Vec<&Route>> = BTreeMap::new();
        for route in have.routes.difference(&want.routes).filter(|r| !lost(r)) {
            old.entry(route.key()).or_default().push(route);
        }
        for route in &want.routes {
            let there = have.routes.contains(route);
            if there && !lost(route) {
                continue;
            }
            match old.get(&route.key()).map(Vec::as_slice) {
                Some([one]) if one.target != Target::Other => {
                    old.remove(&route.key());
                    self.routes.push(Change::ReplaceRoute(route.clone()));
                }
                Some(several) => {
                    let several = several.iter().map(|r| Change::RemoveRoute((*r).clone()));
                    self.routes.extend(several);
                    old.remove(&route.key());
                    self.routes.push(Change::AddRoute(route.clone()));
                }
                None => self.routes.push(Change::AddRoute(route.clone())),
            }
        }
        let gone = old.into_values().flatten();
        self.remove_routes.extend(gone.map(|route| Change::RemoveRoute(route.clone())));
    }

    fn firewall(&mut self, have: &State, want: &State) {
        for family in [Family::V4, Family::V6] {
            let (is, wish) = (have.firewall.0.get(&family), want.firewall.0.get(&family));
            if is != wish {
                let phase = if wish.is_some() { &mut self.protect } else { &mut self.unprotect };
                phase.push(Change::SetFirewall(family, wish.cloned()));
            }
        }
    }

    fn sysctls(&mut self, have: &State, want: &State, parts: Parts) {
        // Of a link that is made anew they are as new, whatever was seen of them before.
        let made = LinkName::ALL.into_iter().filter(|l| is_made(*l, have, want, parts));
        let made: Vec<_> = made.map(LinkName::as_str).collect();
        for (key, value) in &want.sysctls {
            let lost = key.interface().is_some_and(|interface| made.contains(&interface));
            if lost || have.sysctls.get(key) != Some(value) {
                let phase = if key.opens() { &mut self.open } else { &mut self.settings };
                phase.push(Change::SetSysctl(key.clone(), value.clone()));
            }
        }
    }
}

/// Whether a pass over these parts makes this link.
fn is_made(link: LinkName, have: &State, want: &State, parts: Parts) -> bool {
    let missing = !have.links.contains_key(&link) && want.links.contains_key(&link);
    parts.contains(link.part()) && missing
}

type Peers = BTreeMap<PublicKey, Peer>;

/// Peers that must be set again because another peer lists an address of theirs too: the
/// one set last has it, and loses it to nobody when it goes.
fn robbed(have: &Peers, want: &Peers) -> BTreeSet<PublicKey> {
    let mut claimed = HashSet::with_capacity(have.len());
    let claims = have.values().flat_map(|peer| &peer.allowed_ips);
    let twice: BTreeSet<IpNetwork> = claims.filter(|net| !claimed.insert(**net)).copied().collect();
    if twice.is_empty() {
        return BTreeSet::new();
    }
    let robbed = want.iter().filter(|(_, peer)| !peer.allowed_ips.is_disjoint(&twice));
    robbed.map(|(key, _)| *key).collect()
}

/// What peers had and have no more. A claim to everything is nobody's of ours: the flows of
/// the whole host are not forgotten for its sake.
fn lost(have: &Peers, want: &Peers) -> BTreeSet<IpNetwork> {
    let lost = have.iter().flat_map(|(key, peer)| {
        let kept = want.get(key).map(|wish| &wish.allowed_ips);
        peer.allowed_ips.iter().filter(move |net| !kept.is_some_and(|kept| kept.contains(net)))
    });
    lost.filter(|net| net.prefix() > 0).copied().collect()
}

impl Peer {
    /// Whether a peer as observed is what is wished for.
    fn satisfies(&self, want: &Self) -> bool {
        // An endpoint that works is left alone: roaming knows better.
        let works = self.fresh && self.endpoint.is_some();
        let reached = want.endpoint.is_none() || self.endpoint == want.endpoint || works;
        let same = (self.keepalive, &self.allowed_ips) == (want.keepalive, &want.allowed_ips);
        reached && same && !self.preshared
    }
}

#[cfg(test)]
mod tests;
