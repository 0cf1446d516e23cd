//! What the host should hold: policy, and nothing but a function of its arguments.

use std::collections::{BTreeMap, BTreeSet};

use ipnetwork::IpNetwork;
use wgcni_dataplane::firewall::Policy;
use wgcni_dataplane::{Link, LinkName, Parts, Peer, Route, State, Sysctl, Wireguard};
use wgcni_model::{Addresses, Family, IfName, Peer as Member, PrivateKey, PublicKey};

use crate::config::HostPort;
use crate::membership::Membership;

/// What the node itself brings.
#[derive(Debug, Clone)]
pub struct Node {
    /// Key towards the other nodes.
    pub mesh_key: PrivateKey,
    /// Key towards the containers.
    pub hub_key: PrivateKey,
    /// UDP port for the other nodes.
    pub mesh_port: u16,
    /// UDP port for the containers.
    pub hub_port: u16,
    /// MTU of mesh, hub and containers.
    pub mtu: u16,
    /// Ports of this host that containers may reach.
    pub host_ports: Vec<HostPort>,
    /// Interfaces whose routes come from router advertisements.
    pub advertised: BTreeSet<IfName>,
}

/// The containers of the node.
pub type Containers = BTreeMap<PublicKey, Addresses>;

/// What the host should hold, of these parts.
pub fn desired(
    node: &Node,
    membership: &Membership,
    containers: &Containers,
    parts: Parts,
) -> State {
    let mut state = State::default();
    if parts.contains(Parts::HUB) {
        state.links.insert(LinkName::Hub, hub(node, membership, containers));
    }
    if parts.contains(Parts::MESH) {
        state.links.insert(LinkName::Mesh, mesh(node, membership));
    }
    if parts.contains(Parts::ROUTES) {
        state.routes = routes(membership).collect();
    }
    if parts.contains(Parts::FIREWALL) {
        let policy = Policy {
            cluster: membership.cluster.prefixes,
            lease: membership.lease.prefixes,
            hub_port: node.hub_port,
            host_ports: node.host_ports.clone(),
        };
        state.firewall = policy.firewall();
    }
    if parts.contains(Parts::SYSCTLS) {
        state.sysctls = sysctls(node, membership);
    }
    state
}

/// The link to the containers: each may use its own addresses and no others.
fn hub(node: &Node, membership: &Membership, containers: &Containers) -> Link {
    let peers = containers.iter().map(|(key, addresses)| {
        let allowed_ips = addresses.iter().map(IpNetwork::from).collect();
        (*key, Peer { allowed_ips, ..Peer::default() })
    });
    link(node, membership, &node.hub_key, node.hub_port, peers.collect())
}

/// The link to the other nodes: each may use its lease.
fn mesh(node: &Node, membership: &Membership) -> Link {
    let space = membership.cluster.prefixes;
    let peers = others(membership).map(|peer| {
        // Inside the overlay nobody is reached from without: that would be a loop.
        let outside = peer.endpoints.as_slice().iter().find(|e| !space.contains(e.ip()));
        let endpoint = outside.map(wgcni_model::Endpoint::socket);
        let allowed_ips = peer.allowed_ips.iter().map(|p| p.network()).collect();
        (peer.mesh_key, Peer { endpoint, allowed_ips, ..Peer::default() })
    });
    link(node, membership, &node.mesh_key, node.mesh_port, peers.collect())
}

fn link(
    node: &Node,
    membership: &Membership,
    key: &PrivateKey,
    listen_port: u16,
    peers: BTreeMap<PublicKey, Peer>,
) -> Link {
    let own = membership.lease.prefixes.first_hosts();
    Link {
        mtu: node.mtu.into(),
        up: true,
        addresses: own.iter().map(IpNetwork::from).collect(),
        wireguard: Wireguard { private_key: key.clone(), listen_port, peers },
    }
}

/// Leases to their links; what is not leased leads nowhere, so that a missing route fails
/// closed instead of leaking.
fn routes(membership: &Membership) -> impl Iterator<Item = Route> {
    let own = membership.lease.prefixes.first_hosts();
    let via = move |prefix: wgcni_model::Prefix, link| {
        Route::via(prefix.network(), link, own.get(prefix.family()))
    };
    let containers = membership.lease.prefixes.iter();
    let nodes = others(membership).flat_map(|peer| peer.allowed_ips.iter());
    let nowhere = membership.cluster.prefixes.iter();
    let inside = containers.map(move |prefix| via(prefix, LinkName::Hub));
    let outside = nodes.map(move |prefix| via(prefix, LinkName::Mesh));
    inside.chain(outside).chain(nowhere.map(|prefix| Route::unreachable(prefix.network())))
}

/// All members but this node.
fn others(membership: &Membership) -> impl Iterator<Item = &Member> {
    let own = &membership.lease.node;
    membership.peers.peers.values().filter(move |peer| peer.node != *own)
}

fn sysctls(node: &Node, membership: &Membership) -> BTreeMap<Sysctl, String> {
    let mut settings = BTreeMap::new();
    let mut set = |key: Sysctl, value: &str| settings.insert(key, value.to_owned());
    let families = membership.cluster.prefixes;
    if families.get(Family::V4).is_some() {
        set(Sysctl::ipv4_forwarding(), "1");
        for link in LinkName::ALL {
            set(Sysctl::rp_filter(link.as_str()), "2");
        }
    }
    if families.get(Family::V6).is_some() {
        set(Sysctl::ipv6_forwarding(), "1");
        for link in LinkName::ALL {
            set(Sysctl::accept_ra(link.as_str()), "0");
        }
        // A host that forwards drops the routes that it was advertised, unless told so.
        for interface in &node.advertised {
            set(Sysctl::accept_ra(interface.as_str()), "2");
        }
    }
    settings
}

#[cfg(test)]
#[path = "desired_tests.rs"]
mod tests;
