//! A kernel made of values.

use super::super::*;
use crate::state::{Sysctl, Wireguard};
use wgcni_model::PrivateKey;

/// A kernel of values: takes changes as Linux does, and complains about the wrong order.
pub(super) struct Kernel {
    pub(super) state: State,
    /// Who gets the packets: with some engines not whoever lists the address.
    pub(super) owners: BTreeMap<(LinkName, IpNetwork), PublicKey>,
    /// Whether a peer that is robbed still lists what it lost.
    forgetful: bool,
}

impl Kernel {
    pub(super) fn new(state: State, forgetful: bool) -> Self {
        let mut kernel = Self { state, owners: BTreeMap::new(), forgetful };
        for (name, link) in kernel.state.links.clone() {
            for (key, peer) in link.wireguard.peers {
                kernel.claim(name, key, &peer);
            }
        }
        kernel
    }

    fn claim(&mut self, name: LinkName, key: PublicKey, peer: &Peer) {
        self.owners.retain(|(link, _), owner| *link != name || *owner != key);
        for net in &peer.allowed_ips {
            self.owners.insert((name, *net), key);
        }
        if self.forgetful {
            return;
        }
        for (other, is) in &mut self.link(name).wireguard.peers {
            if *other != key {
                is.allowed_ips.retain(|net| !peer.allowed_ips.contains(net));
            }
        }
    }

    fn link(&mut self, name: LinkName) -> &mut Link {
        self.state.links.get_mut(&name).expect("the link is there")
    }

    fn delete(&mut self, name: LinkName) {
        self.state.links.remove(&name);
        self.owners.retain(|(link, _), _| *link != name);
        self.state.routes.retain(|route| route.link() != Some(name));
    }

    fn set_peer(&mut self, name: LinkName, key: PublicKey, mut peer: Peer) {
        let old = self.link(name).wireguard.peers.get(&key);
        peer.fresh = old.is_some_and(|old| old.fresh);
        peer.endpoint = peer.endpoint.or(old.and_then(|old| old.endpoint));
        self.link(name).wireguard.peers.insert(key, peer.clone());
        self.claim(name, key, &peer);
    }

    fn add_route(&mut self, route: Route) {
        let twin = self.state.routes.iter().find(|r| r.key() == route.key());
        assert_eq!(twin, None, "in the way of {route}");
        if let Target::Link { link, source } = &route.target {
            assert!(self.state.links[link].up, "{link} is up before a route leads there");
            let has = |l: &Link| l.addresses.iter().any(|a| Some(a.ip()) == *source);
            assert!(source.is_none() || self.state.links.values().any(has), "{source:?} is there");
        }
        self.state.routes.insert(route);
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::CreateLink(name) => {
                self.delete(name);
                self.state.sysctls.remove(&Sysctl::rp_filter(name.as_str()));
                self.state.links.insert(name, blank());
            }
            Change::DeleteLink(name) => self.delete(name),
            Change::SetMtu(name, mtu) => self.link(name).mtu = mtu,
            Change::SetUp(name) => self.link(name).up = true,
            Change::AddAddress(name, net) => assert!(self.link(name).addresses.insert(net)),
            Change::RemoveAddress(name, net) => assert!(self.link(name).addresses.remove(&net)),
            Change::SetDevice(name, wireguard) => {
                self.owners.retain(|(link, _), _| *link != name);
                self.link(name).wireguard = Wireguard { peers: BTreeMap::new(), ..wireguard };
                for (key, peer) in wireguard.peers {
                    self.set_peer(name, key, peer);
                }
            }
            Change::SetPeer(name, key, peer) => self.set_peer(name, key, peer),
            Change::RemovePeer(name, key) => {
                self.link(name).wireguard.peers.remove(&key).expect("the peer is there");
                self.owners.retain(|(link, _), owner| *link != name || *owner != key);
            }
            // Flows are no part of what is compared.
            Change::ForgetFlows(_, networks) => assert!(!networks.is_empty()),
            Change::AddRoute(route) => self.add_route(route),
            Change::ReplaceRoute(route) => {
                let twins = self.state.routes.iter().filter(|r| r.key() == route.key());
                assert_eq!(twins.count(), 1, "one of ours to take the place of");
                self.state.routes.retain(|r| r.key() != route.key());
                self.add_route(route);
            }
            Change::RemoveRoute(route) => {
                assert!(self.state.routes.remove(&route), "{route} is there");
            }
            Change::SetFirewall(family, Some(rules)) => {
                self.state.firewall.0.insert(family, rules);
            }
            Change::SetFirewall(family, None) => {
                self.state.firewall.0.remove(&family).expect("there are chains");
            }
            Change::SetSysctl(key, value) => {
                self.state.sysctls.insert(key, value);
            }
        }
    }
}

/// A link as it is made.
pub(super) fn blank() -> Link {
    Link {
        mtu: 1500,
        up: false,
        addresses: BTreeSet::new(),
        wireguard: Wireguard {
            private_key: PrivateKey::from_random([0; 32]),
            listen_port: 0,
            peers: BTreeMap::new(),
        },
    }
}
