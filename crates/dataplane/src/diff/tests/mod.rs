#![allow(clippy::unwrap_used)]
mod kernel;
mod repair;

use super::*;
use crate::firewall::{Body, Chain, Firewall, Jump, Rules};
use crate::state::{Sysctl, Wireguard};
use kernel::{Kernel, blank};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::net::SocketAddr;
use std::sync::LazyLock;
use wgcni_model::PrivateKey;

static KEYS: LazyLock<Vec<PublicKey>> =
    LazyLock::new(|| (1..=4).map(|n| PrivateKey::from_random([n; 32]).public_key()).collect());

fn net(text: &str) -> IpNetwork {
    text.parse().unwrap()
}

fn nets() -> Vec<IpNetwork> {
    ["10.64.1.0/24", "10.64.2.0/24", "10.64.2.0/25", "10.64.3.0/24", "fd00:0:0:1::/64"]
        .map(net)
        .to_vec()
}

fn endpoint() -> impl Strategy<Value = Option<SocketAddr>> {
    let some = |text: &str| Some(text.parse().unwrap());
    select(vec![None, some("192.0.2.1:1"), some("192.0.2.2:1")])
}

/// Peers whose allowed IPs are somebody's each, as a wish has them.
fn wished_peers() -> impl Strategy<Value = Peers> {
    let owners = prop::collection::vec(0..6usize, nets().len());
    let rest = prop::collection::vec((endpoint(), select(vec![0u16, 25])), KEYS.len());
    (owners, rest, subsequence(KEYS.clone(), 0..=KEYS.len())).prop_map(|(owners, rest, keys)| {
        let peers = keys.into_iter().enumerate().map(|(n, key)| {
            let own = nets().into_iter().zip(&owners).filter(|(_, owner)| **owner == n);
            let (endpoint, keepalive) = rest[n];
            let allowed_ips = own.map(|(net, _)| net).collect();
            (key, Peer { endpoint, allowed_ips, keepalive, ..Peer::default() })
        });
        peers.collect()
    })
}

/// Peers as they may be found: some list the same addresses, some have just shaken hands,
/// some have been given a preshared key.
fn found_peers() -> impl Strategy<Value = Peers> {
    let flags = (any::<bool>(), any::<bool>());
    let peer = (endpoint(), subsequence(nets(), 0..=3), select(vec![0u16, 25]), flags);
    let peers = prop::collection::vec(peer, KEYS.len());
    (peers, subsequence(KEYS.clone(), 0..=KEYS.len())).prop_map(|(peers, keys)| {
        let peer = |(endpoint, nets, keepalive, (fresh, preshared)): (_, Vec<_>, _, _)| Peer {
            endpoint,
            allowed_ips: nets.into_iter().collect(),
            keepalive,
            fresh,
            preshared,
        };
        keys.into_iter().zip(peers.into_iter().map(peer)).collect()
    })
}

fn link(peers: impl Strategy<Value = Peers>, wish: bool) -> impl Strategy<Value = Option<Link>> {
    let addresses = vec![net("10.64.1.1/32"), net("fd00::1/128"), net("10.64.9.9/24")];
    let addresses = subsequence(addresses, 0..=3);
    let parts = (select(vec![1280u32, 1420]), any::<bool>(), addresses, 1..3u8, 1..3u16, peers);
    let link = parts.prop_map(move |(mtu, up, addresses, key, listen_port, peers)| Link {
        mtu,
        up: up || wish,
        addresses: addresses.into_iter().collect(),
        wireguard: Wireguard {
            private_key: PrivateKey::from_random([key; 32]),
            listen_port,
            peers,
        },
    });
    prop::option::of(link)
}

fn found_routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for to in nets() {
        routes.push(Route::via(to, LinkName::Hub, None));
        routes.push(Route::via(to, LinkName::Mesh, Some("10.64.1.1".parse().unwrap())));
        routes.push(Route::unreachable(to));
        routes.push(Route { target: Target::Other, ..routes[0].clone() });
    }
    routes
}

fn rules() -> impl Strategy<Value = Rules> {
    let body =
        (subsequence(vec!["-j DROP".to_owned()], 0..=1), 0..3usize).prop_map(|(rules, n)| {
            let jump = if n == 1 { Jump::First } else { Jump::Wrong(n) };
            Body { rules, jump }
        });
    prop::collection::btree_map(select(Chain::ALL.to_vec()), body, 1..3).prop_map(Rules)
}

fn state(wish: bool) -> impl Strategy<Value = State> {
    let peers = || if wish { wished_peers().boxed() } else { found_peers().boxed() };
    let families = select(vec![Family::V4, Family::V6]);
    let firewall = prop::collection::btree_map(families, rules(), 0..3).prop_map(Firewall);
    let keys = vec![Sysctl::ipv4_forwarding(), Sysctl::rp_filter("wghub0")];
    let values = prop::collection::btree_map(select(keys), select(vec!["0", "1"]), 0..3);
    let routes = subsequence(found_routes(), 0..=6);
    (link(peers(), wish), link(peers(), wish), routes, firewall, values).prop_map(
        move |(hub, mesh, routes, firewall, values)| {
            let links = [(LinkName::Hub, hub), (LinkName::Mesh, mesh)];
            let links: BTreeMap<_, _> =
                links.into_iter().filter_map(|(name, link)| Some((name, link?))).collect();
            let mut state = State { links, firewall, ..State::default() };
            for route in routes {
                // A wish has one route to a place, through a link and from an address that are there.
                let led = !wish || route.link().is_none_or(|link| state.links.contains_key(&link));
                let twin = wish && state.routes.iter().any(|r| r.key() == route.key());
                let bad = wish && (route.target == Target::Other || lacks_source(&state, &route));
                if led && !twin && !bad {
                    state.routes.insert(route);
                }
            }
            state.sysctls = values.into_iter().map(|(k, v)| (k, v.to_owned())).collect();
            state
        },
    )
}

/// What is found is often nearly what is wished for: of each, these peers and routes.
fn mixed(found: State, want: &State, bits: u32) -> State {
    let mut picks = (0..32).cycle().map(|n| bits >> n & 1 == 1);
    let mut picked = move || picks.next().unwrap_or_default();
    let mut mixed = found;
    for (name, link) in &want.links {
        if let Some(is) = mixed.links.get_mut(name).filter(|_| picked()) {
            let mut peers = link.wireguard.peers.clone();
            peers.retain(|_, _| picked());
            let wireguard = &mut is.wireguard;
            (wireguard.listen_port, wireguard.private_key) =
                (link.wireguard.listen_port, link.wireguard.private_key.clone());
            wireguard.peers.extend(peers);
        }
    }
    mixed.routes.extend(want.routes.iter().filter(|_| picked()).cloned());
    mixed
}

fn lacks_source(state: &State, route: &Route) -> bool {
    let Target::Link { source: Some(source), .. } = route.target else { return false };
    !state.links.values().any(|link| link.addresses.iter().any(|a| a.ip() == source))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn from_any_state_one_pass_reaches_the_wish(
        found in state(false), want in state(true), bits: u32, forgetful: bool
    ) {
        let mut kernel = Kernel::new(mixed(found, &want, bits), forgetful);
        // What is observed, not what was put in: one kernel gives an address to one peer.
        let changes = diff(&kernel.state.clone(), &want, Parts::ALL);
        for change in changes {
            kernel.apply(change);
        }
        prop_assert_eq!(diff(&kernel.state, &want, Parts::ALL), vec![]);
        prop_assert_eq!(&kernel.state.routes, &want.routes);
        prop_assert_eq!(&kernel.state.firewall, &want.firewall);
        for (name, link) in &want.links {
            let is = &kernel.state.links[name];
            prop_assert_eq!((is.mtu, &is.addresses), (link.mtu, &link.addresses));
            for (key, peer) in &link.wireguard.peers {
                for net in &peer.allowed_ips {
                    prop_assert_eq!(kernel.owners.get(&(*name, *net)), Some(key));
                }
            }
        }
    }

    #[test]
    fn a_pass_over_some_parts_leaves_the_others(have in state(false), want in state(true)) {
        let of_hub = diff(&have, &want, Parts::HUB);
        let others = |c: &Change| matches!(c, Change::SetSysctl(..) | Change::SetFirewall(..));
        prop_assert!(!of_hub.iter().any(others));
        let mut kernel = Kernel::new(have.clone(), true);
        for change in of_hub {
            kernel.apply(change);
        }
        prop_assert_eq!(kernel.state.links.get(&LinkName::Mesh), have.links.get(&LinkName::Mesh));
        prop_assert_eq!(diff(&want, &want, Parts::ALL), vec![]);
    }
}

fn mesh(peers: &[(usize, &str)]) -> State {
    let peer = |text: &str| Peer { allowed_ips: [net(text)].into(), ..Peer::default() };
    let peers = peers.iter().map(|(n, text)| (KEYS[*n], peer(text)));
    let wireguard = Wireguard { peers: peers.collect(), ..blank().wireguard };
    let link = Link { up: true, wireguard, ..blank() };
    let routes = link.wireguard.peers.values().flat_map(|p| p.allowed_ips.clone());
    let routes = routes.map(|to| Route::via(to, LinkName::Mesh, None)).collect();
    State { links: [(LinkName::Mesh, link)].into(), routes, ..State::default() }
}

#[test]
fn a_removed_peer_loses_its_route_first_and_a_new_one_gets_it_last() {
    let (old, new) = (mesh(&[(0, "10.64.1.0/24")]), mesh(&[(1, "10.64.2.0/24")]));
    let peer = new.links[&LinkName::Mesh].wireguard.peers[&KEYS[1]].clone();
    let expected = vec![
        Change::SetPeer(LinkName::Mesh, KEYS[1], peer),
        Change::AddRoute(Route::via(net("10.64.2.0/24"), LinkName::Mesh, None)),
        Change::RemoveRoute(Route::via(net("10.64.1.0/24"), LinkName::Mesh, None)),
        Change::RemovePeer(LinkName::Mesh, KEYS[0]),
        Change::ForgetFlows(LinkName::Mesh, [net("10.64.1.0/24")].into()),
    ];
    assert_eq!(diff(&old, &new, Parts::ALL), expected);
}

#[test]
fn flows_are_forgotten_of_what_a_peer_has_lost_and_of_nothing_else() {
    let forgotten = |have: &State, want: &State| {
        let forgets = |change: &Change| matches!(change, Change::ForgetFlows(..));
        diff(have, want, Parts::ALL).into_iter().filter(forgets).collect::<Vec<_>>()
    };
    let one = mesh(&[(0, "10.64.1.0/24")]);
    assert_eq!(forgotten(&one, &one), []);
    assert_eq!(forgotten(&mesh(&[]), &one), []);
    let forget = |text| vec![Change::ForgetFlows(LinkName::Mesh, [net(text)].into())];
    // Another's now, another prefix now, the device's key is another.
    assert_eq!(forgotten(&one, &mesh(&[(1, "10.64.1.0/24")])), forget("10.64.1.0/24"));
    assert_eq!(forgotten(&one, &mesh(&[(0, "10.64.2.0/24")])), forget("10.64.1.0/24"));
    let mut other = mesh(&[]);
    other.links.get_mut(&LinkName::Mesh).unwrap().wireguard.listen_port = 9;
    assert_eq!(forgotten(&one, &other), forget("10.64.1.0/24"));
    // The flows of the whole host are not a peer's.
    assert_eq!(forgotten(&mesh(&[(0, "0.0.0.0/0")]), &mesh(&[])), []);
}

#[test]
fn an_endpoint_with_a_fresh_handshake_is_never_overwritten() {
    let with = |endpoint: &str, fresh, keepalive| {
        let mut state = mesh(&[(0, "10.64.1.0/24")]);
        let link = state.links.get_mut(&LinkName::Mesh).unwrap();
        let peer = link.wireguard.peers.get_mut(&KEYS[0]).unwrap();
        (peer.endpoint, peer.fresh) = (Some(endpoint.parse().unwrap()), fresh);
        peer.keepalive = keepalive;
        let peer = peer.clone();
        (state, peer)
    };
    let (want, wished) = with("192.0.2.1:1", false, 0);
    assert_eq!(diff(&with("192.0.2.9:9", true, 0).0, &want, Parts::ALL), vec![]);
    let set = |peer| vec![Change::SetPeer(LinkName::Mesh, KEYS[0], peer)];
    assert_eq!(diff(&with("192.0.2.9:9", false, 0).0, &want, Parts::ALL), set(wished.clone()));
    // Also not when the peer is set for another reason.
    let kept = Peer { endpoint: None, ..wished };
    assert_eq!(diff(&with("192.0.2.9:9", true, 5).0, &want, Parts::ALL), set(kept));
}

#[test]
fn the_firewall_stands_first_and_forwarding_comes_last() {
    let mut want = mesh(&[]);
    want.firewall = Firewall([(Family::V4, Rules::default())].into());
    want.sysctls = [Sysctl::ipv4_forwarding(), Sysctl::rp_filter("wgmesh0")]
        .map(|key| (key, "1".to_owned()))
        .into();
    let changes = diff(&State::default(), &want, Parts::ALL);
    assert!(matches!(changes.first(), Some(Change::SetFirewall(..))));
    assert!(matches!(&changes[2], Change::SetSysctl(key, _) if !key.opens()));
    assert!(matches!(changes.last(), Some(Change::SetSysctl(key, _)) if key.opens()));
}
