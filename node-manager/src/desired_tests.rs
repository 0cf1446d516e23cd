#![allow(clippy::unwrap_used)]
use super::*;
use std::sync::Arc;
use wgcni_dataplane::Target;
use wgcni_model::{
    Cluster, ClusterId, Endpoints, History, Lease, NodeName, Prefixes, Revision, Snapshot,
};

fn prefixes(texts: &[&str]) -> Prefixes {
    Prefixes::from_items(texts.iter().map(|t| t.parse().unwrap())).unwrap()
}

fn private(n: u8) -> PrivateKey {
    PrivateKey::from_random([n; 32])
}

fn member(name: &str, n: u8, endpoint: &str, lease: &[&str]) -> Member {
    Member {
        node: name.parse().unwrap(),
        mesh_key: private(n).public_key(),
        endpoints: Endpoints::try_from(vec![endpoint.parse().unwrap()]).unwrap(),
        allowed_ips: prefixes(lease),
    }
}

fn node() -> Node {
    Node {
        mesh_key: private(1),
        hub_key: private(101),
        mesh_port: 51820,
        hub_port: 51819,
        mtu: 1420,
        host_ports: Vec::new(),
        advertised: BTreeSet::from(["eth0".parse().unwrap()]),
    }
}

fn membership() -> Membership {
    let name: NodeName = "one".parse().unwrap();
    let peers = [
        member("one", 1, "192.0.2.1:51820", &["10.64.1.0/24", "fd00:0:0:1::/64"]),
        member("two", 2, "[2001:db8::2]:51820", &["10.64.2.0/24", "fd00:0:0:2::/64"]),
    ];
    Membership {
        cluster: Arc::new(Cluster {
            id: ClusterId::from_random([7; 16]),
            prefixes: prefixes(&["10.64.0.0/12", "fd00::/48"]),
        }),
        lease: Arc::new(Lease {
            node: name,
            prefixes: prefixes(&["10.64.1.0/24", "fd00:0:0:1::/64"]),
        }),
        peers: Arc::new(Snapshot::new(History::default(), Revision(3), peers)),
    }
}

fn containers() -> Containers {
    let addresses = ["10.64.1.2".parse().unwrap(), "fd00:0:0:1::2".parse().unwrap()];
    Containers::from([(private(50).public_key(), Addresses::from_items(addresses).unwrap())])
}

/// A link as people would write it down.
fn text(link: &Link) -> String {
    let list = |nets: &BTreeSet<IpNetwork>| {
        nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let head = format!(
        "mtu {} up {} port {} addresses {}",
        link.mtu,
        link.up,
        link.wireguard.listen_port,
        list(&link.addresses)
    );
    let peers = link.wireguard.peers.values().map(|peer| {
        let endpoint = peer.endpoint.map_or("-".to_owned(), |e| e.to_string());
        format!("peer {endpoint} {}", list(&peer.allowed_ips))
    });
    std::iter::once(head).chain(peers).collect::<Vec<_>>().join("; ")
}

#[test]
fn links_have_the_nodes_address_and_peers_their_leases() {
    let state = desired(&node(), &membership(), &containers(), Parts::ALL);
    assert_eq!(
        text(&state.links[&LinkName::Mesh]),
        "mtu 1420 up true port 51820 addresses 10.64.1.1/32 fd00:0:0:1::1/128; \
         peer [2001:db8::2]:51820 10.64.2.0/24 fd00:0:0:2::/64"
    );
    assert_eq!(
        text(&state.links[&LinkName::Hub]),
        "mtu 1420 up true port 51819 addresses 10.64.1.1/32 fd00:0:0:1::1/128; \
         peer - 10.64.1.2/32 fd00:0:0:1::2/128"
    );
    let keys = |link| state.links[&link].wireguard.private_key.clone();
    assert_eq!((keys(LinkName::Mesh), keys(LinkName::Hub)), (private(1), private(101)));
    let peers = &state.links[&LinkName::Mesh].wireguard.peers;
    assert!(!peers.contains_key(&private(1).public_key()), "a node is not its own peer");
}

#[test]
fn leases_lead_to_links_and_the_rest_of_the_cluster_nowhere() {
    let state = desired(&node(), &membership(), &containers(), Parts::ALL);
    let line = |route: &Route| match &route.target {
        Target::Link { link, source: Some(source) } => {
            format!("{} {link} from {source}", route.destination)
        }
        _ => route.to_string(),
    };
    let lines: Vec<String> = state.routes.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "10.64.0.0/12 unreachable",
            "10.64.1.0/24 wghub0 from 10.64.1.1",
            "10.64.2.0/24 wgmesh0 from 10.64.1.1",
            "fd00::/48 unreachable",
            "fd00:0:0:1::/64 wghub0 from fd00:0:0:1::1",
            "fd00:0:0:2::/64 wgmesh0 from fd00:0:0:1::1",
        ]
    );
}

#[test]
fn settings_follow_the_families_of_the_cluster() {
    let settings = |membership: &Membership| {
        let state = desired(&node(), membership, &containers(), Parts::SYSCTLS);
        state.sysctls.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(
        settings(&membership()),
        [
            "net/ipv4/conf/wghub0/rp_filter=2",
            "net/ipv4/conf/wgmesh0/rp_filter=2",
            "net/ipv4/ip_forward=1",
            "net/ipv6/conf/all/forwarding=1",
            "net/ipv6/conf/eth0/accept_ra=2",
            "net/ipv6/conf/wghub0/accept_ra=0",
            "net/ipv6/conf/wgmesh0/accept_ra=0",
        ]
    );
    let mut single = membership();
    let cluster = Cluster { prefixes: prefixes(&["10.64.0.0/12"]), ..(*single.cluster).clone() };
    single.cluster = Arc::new(cluster);
    assert!(settings(&single).iter().all(|line| !line.contains("ipv6")));
}

#[test]
fn parts_that_were_not_asked_for_are_left_out() {
    let state = desired(&node(), &membership(), &containers(), Parts::HUB);
    assert_eq!(state.links.keys().collect::<Vec<_>>(), [&LinkName::Hub]);
    let rest = State { links: BTreeMap::new(), ..state };
    assert_eq!(rest, State::default());
}

#[test]
fn an_endpoint_inside_the_overlay_is_never_sent_to() {
    let mut membership = membership();
    let mut peers = (*membership.peers).clone();
    let two = peers.peers.get_mut(&"two".parse().unwrap()).unwrap();
    let endpoints = ["10.64.9.9:51820", "[fd00:0:0:9::9]:51820", "192.0.2.2:51820"];
    let endpoints = endpoints.map(|text| text.parse().unwrap()).to_vec();
    two.endpoints = Endpoints::try_from(endpoints).unwrap();
    let key = two.mesh_key;
    membership.peers = Arc::new(peers);
    let state = desired(&node(), &membership, &Containers::new(), Parts::MESH);
    let peer = &state.links[&LinkName::Mesh].wireguard.peers[&key];
    assert_eq!(peer.endpoint, Some("192.0.2.2:51820".parse().unwrap()));
}
