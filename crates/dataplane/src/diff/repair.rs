//! Which changes restore what somebody else changed, and which follow a new wish.
//!
//! A pass acts on what the kernel holds; what was wished for before only tells whose doing
//! the difference is. One act is one repair: what Linux takes away with an address, a link or
//! a stolen address range comes back with it and is not told by itself.

use super::{Change, Peers};
use crate::parts::Parts;
use crate::state::{Link, LinkName, Peer, State};
use ipnetwork::IpNetwork;
use std::collections::HashSet;
use std::fmt;

/// What a repair is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepairKind {
    /// A link of ours: there, up, its MTU, key and port.
    Interface,
    /// An address of a link.
    Address,
    /// A peer of a link.
    Peer,
    /// A route.
    Route,
    /// The chains of a family.
    Firewall,
    /// A kernel setting.
    Sysctl,
}

impl RepairKind {
    /// Each of them.
    pub const ALL: [Self; 6] =
        [Self::Interface, Self::Address, Self::Peer, Self::Route, Self::Firewall, Self::Sysctl];

    /// Its name, for people and counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Address => "address",
            Self::Peer => "peer",
            Self::Route => "route",
            Self::Firewall => "firewall",
            Self::Sysctl => "sysctl",
        }
    }
}

impl fmt::Display for RepairKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was wished for when the kernel last held it.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    state: State,
    /// The parts of it that count.
    parts: Parts,
}

impl Settled {
    /// Those of the changes from `have` to `want` that undo an act of somebody else, one for
    /// each act.
    pub fn repairs(&self, have: &State, want: &State, changes: &[Change]) -> Vec<Change> {
        let restoring: Vec<_> = changes.iter().filter(|c| self.restores(c, have, want)).collect();
        let roots: Vec<_> = restoring.iter().copied().filter(|c| is_root(c)).collect();
        let stolen = LinkName::ALL.map(|link| (link, stolen(link, have, want)));
        let is_robbed = |change: &Change| {
            stolen.iter().any(|(link, stolen)| robbed_only(change, *link, stolen, have, want))
        };
        let brought = |change: &Change| roots.iter().any(|root| brings(root, change));
        let acts = restoring.into_iter().filter(|c| !brought(c) && !is_robbed(c));
        acts.cloned().collect()
    }

    /// Learns what a pass over these parts was for. Parts with failures keep what they had;
    /// those of them with repairs that were told count again after a pass without.
    pub fn learn(&mut self, want: &State, parts: Parts, failed: Parts, told: Parts) {
        for part in Parts::EACH.into_iter().filter(|part| parts.contains(*part)) {
            if failed.contains(part) {
                if told.contains(part) {
                    self.parts = self.parts.without(part);
                }
                continue;
            }
            self.parts |= part;
            match part {
                Parts::HUB => self.learn_link(LinkName::Hub, want),
                Parts::MESH => self.learn_link(LinkName::Mesh, want),
                Parts::ROUTES => self.state.routes.clone_from(&want.routes),
                Parts::FIREWALL => self.state.firewall.clone_from(&want.firewall),
                _ => self.state.sysctls.clone_from(&want.sysctls),
            }
        }
    }

    fn learn_link(&mut self, name: LinkName, want: &State) {
        self.state.links.remove(&name);
        let wished = want.links.get(&name).cloned();
        self.state.links.extend(wished.map(|link| (name, link)));
    }

    /// Whether the same was wished for before.
    fn restores(&self, change: &Change, have: &State, want: &State) -> bool {
        let link = |name: &LinkName| self.state.links.get(name);
        let on_link = |name: &LinkName, same: &dyn Fn(&Link) -> bool| link(name).is_some_and(same);
        self.parts.contains(change.part())
            && match change {
                Change::CreateLink(name) | Change::SetUp(name) => link(name).is_some(),
                Change::DeleteLink(name) => link(name).is_none(),
                Change::SetMtu(name, mtu) => on_link(name, &|l| l.mtu == *mtu),
                Change::AddAddress(name, net) => on_link(name, &|l| l.addresses.contains(net)),
                Change::RemoveAddress(name, net) => on_link(name, &|l| !l.addresses.contains(net)),
                Change::SetDevice(name, w) => on_link(name, &|l| {
                    let old = &l.wireguard;
                    (&old.private_key, old.listen_port) == (&w.private_key, w.listen_port)
                }),
                Change::SetPeer(name, key, _) => on_link(name, &|l| {
                    let wish = want.links.get(name).and_then(|l| l.wireguard.peers.get(key));
                    let is = have.links.get(name).and_then(|l| l.wireguard.peers.get(key));
                    l.wireguard.peers.get(key) == wish && !is.zip(wish).is_some_and(moved_only)
                }),
                Change::RemovePeer(name, key) => {
                    on_link(name, &|l| !l.wireguard.peers.contains_key(key))
                }
                // Told with the peer.
                Change::ForgetFlows(..) => false,
                Change::AddRoute(route) | Change::ReplaceRoute(route) => {
                    self.state.routes.contains(route)
                }
                Change::RemoveRoute(route) => !self.state.routes.contains(route),
                Change::SetFirewall(family, rules) => {
                    self.state.firewall.0.get(family) == rules.as_ref()
                }
                Change::SetSysctl(key, value) => self.state.sysctls.get(key) == Some(value),
            }
    }
}

/// A peer that is found at another endpoint has moved by itself, as far as anybody can tell.
fn moved_only((is, wish): (&Peer, &Peer)) -> bool {
    let elsewhere = Peer { endpoint: wish.endpoint, ..is.clone() };
    is.endpoint != wish.endpoint && elsewhere.satisfies(wish)
}

/// Whether what hangs on it may have gone with it.
fn is_root(change: &Change) -> bool {
    use Change::{AddAddress, CreateLink, SetMtu, SetUp};
    matches!(change, CreateLink(_) | SetUp(_) | SetMtu(..) | AddAddress(..))
}

/// Whether Linux takes the one away with the other: addresses and routes with a link that
/// goes down or gets too small for IPv6, routes with the address that they speak from.
fn brings(root: &Change, other: &Change) -> bool {
    match (root, other) {
        (Change::CreateLink(_), Change::CreateLink(_)) => false,
        (
            Change::CreateLink(link)
            | Change::SetUp(link)
            | Change::SetMtu(link, _)
            | Change::AddAddress(link, _),
            Change::AddRoute(route),
        ) => route.link() == Some(*link),
        (Change::CreateLink(link) | Change::SetMtu(link, _), Change::SetSysctl(key, _)) => {
            key.interface() == Some(link.as_str())
        }
        (Change::CreateLink(link), other) => other.part() == link.part(),
        (Change::SetUp(link) | Change::SetMtu(link, _), Change::AddAddress(other, _)) => {
            link == other
        }
        _ => false,
    }
}

/// What peers of a link list that is not theirs.
fn stolen(link: LinkName, have: &State, want: &State) -> HashSet<IpNetwork> {
    let (Some(have), Some(want)) = (have.links.get(&link), want.links.get(&link)) else {
        return HashSet::new();
    };
    let taken = have.wireguard.peers.iter().flat_map(|(key, peer)| {
        let own = want.wireguard.peers.get(key).map(|wish| &wish.allowed_ips);
        let foreign = move |net: &&IpNetwork| !own.is_some_and(|own| own.contains(*net));
        peer.allowed_ips.iter().filter(foreign)
    });
    taken.copied().collect()
}

/// Whether a peer of this link is set only because another took addresses of its.
fn robbed_only(
    change: &Change,
    link: LinkName,
    stolen: &HashSet<IpNetwork>,
    have: &State,
    want: &State,
) -> bool {
    let Change::SetPeer(name, key, _) = change else { return false };
    let find = |state: &'_ State| -> Option<Peer> {
        let peers: &Peers = &state.links.get(&link)?.wireguard.peers;
        peers.get(key).cloned()
    };
    let Some((is, wish)) = find(have).zip(find(want)).filter(|_| *name == link) else {
        return false;
    };
    let lost = wish.allowed_ips.difference(&is.allowed_ips).all(|net| stolen.contains(net));
    let own = is.allowed_ips.is_subset(&wish.allowed_ips);
    let rest = Peer { allowed_ips: wish.allowed_ips.clone(), ..is };
    lost && own && rest.satisfies(&wish)
}
