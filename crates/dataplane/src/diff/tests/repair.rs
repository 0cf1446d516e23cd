//! What counts as somebody else's doing.

use super::*;
use crate::diff::{RepairKind, Settled};

const MESH: LinkName = LinkName::Mesh;
const HUB: LinkName = LinkName::Hub;

/// A host with all that there is.
fn sound() -> State {
    let mut state = mesh(&[(0, "10.64.1.0/24"), (1, "10.64.2.0/24")]);
    let mesh = state.links.get_mut(&MESH).unwrap();
    mesh.addresses = [net("10.64.9.1/32"), net("fd00::1/128")].into();
    state.links.insert(HUB, Link { up: true, ..blank() });
    state.firewall = Firewall([(Family::V4, Rules::default())].into());
    let keys = [Sysctl::ipv4_forwarding(), Sysctl::rp_filter("wgmesh0")];
    state.sysctls = keys.map(|key| (key, "1".to_owned())).into();
    state
}

fn settled() -> Settled {
    let mut settled = Settled::default();
    settled.learn(&sound(), Parts::ALL, Parts::NONE, Parts::NONE);
    settled
}

/// The repairs of an act on a host that was sound.
fn repairs(act: impl FnOnce(&mut State)) -> Vec<String> {
    let mut have = sound();
    act(&mut have);
    let changes = diff(&have, &sound(), Parts::ALL);
    let repairs = settled().repairs(&have, &sound(), &changes);
    repairs.iter().map(|change| format!("{}: {change}", change.kind())).collect()
}

fn peer(state: &mut State, n: usize) -> &mut Peer {
    let link = state.links.get_mut(&MESH).unwrap();
    link.wireguard.peers.entry(KEYS[n]).or_default()
}

fn on_mesh(state: &mut State) -> &mut Link {
    state.links.get_mut(&MESH).unwrap()
}

fn via_mesh(state: &mut State) {
    state.routes.retain(|route| route.link() != Some(MESH));
}

type Act = fn(&mut State);

/// What somebody does, and what is told; the peers by name.
const ACTS: &[(Act, &str)] = &[
    (|_| {}, ""),
    (|s| s.routes.retain(|r| r.destination != net("10.64.1.0/24")), ROUTE),
    (
        |s| {
            s.routes.insert(Route::via(net("10.64.3.0/24"), MESH, None));
        },
        "route: remove route 10.64.3.0/24 on wgmesh0",
    ),
    (|s| on_mesh(s).wireguard.peers.retain(|key, _| *key != KEYS[0]), SET_ONE),
    (|s| peer(s, 0).keepalive = 7, SET_ONE),
    (|s| peer(s, 0).preshared = true, SET_ONE),
    (|s| peer(s, 2).keepalive = 0, REMOVE_FOREIGN),
    // Theft is one act: with the robbed one robbed in the listing, or not.
    (|s| peer(s, 2).allowed_ips = [net("10.64.1.0/24")].into(), REMOVE_FOREIGN),
    (
        |s| {
            peer(s, 2).allowed_ips = [net("10.64.1.0/24")].into();
            peer(s, 0).allowed_ips.clear();
        },
        REMOVE_FOREIGN,
    ),
    (
        |s| {
            peer(s, 0).allowed_ips.insert(net("10.64.2.0/24"));
            peer(s, 1).allowed_ips.clear();
        },
        SET_ONE,
    ),
    // What Linux takes away with it comes back with it.
    (
        |s| {
            on_mesh(s).addresses.remove(&net("10.64.9.1/32"));
            via_mesh(s);
        },
        "address: add 10.64.9.1/32 to wgmesh0",
    ),
    (
        |s| {
            (on_mesh(s).up, on_mesh(s).addresses) = (false, [net("10.64.9.1/32")].into());
            via_mesh(s);
        },
        "interface: raise wgmesh0",
    ),
    (
        |s| {
            s.links.remove(&MESH);
            via_mesh(s);
            s.sysctls.remove(&Sysctl::rp_filter("wgmesh0"));
        },
        "interface: make wgmesh0",
    ),
    (|s| on_mesh(s).mtu = 1300, "interface: set MTU of wgmesh0 to 1500"),
    (|s| on_mesh(s).wireguard.listen_port = 9, "interface: set key and port of wgmesh0"),
    (
        |s| {
            on_mesh(s).addresses.insert(net("192.0.2.1/32"));
        },
        "address: remove 192.0.2.1/32 from wgmesh0",
    ),
    (|s| s.firewall.0.clear(), "firewall: set IPv4 chains"),
    (|s| s.sysctls.retain(|key, _| !key.opens()), "sysctl: set net/ipv4/ip_forward to 1"),
    // It moved by itself, as far as anybody can tell.
    (|s| peer(s, 0).endpoint = Some("192.0.2.9:9".parse().unwrap()), ""),
];

const ROUTE: &str = "route: add route 10.64.1.0/24 on wgmesh0";
const SET_ONE: &str = "peer: set peer ONE of wgmesh0";
const REMOVE_FOREIGN: &str = "peer: remove peer FOREIGN from wgmesh0";

#[test]
fn each_act_of_somebody_else_is_one_repair() {
    for (n, (act, told)) in ACTS.iter().enumerate() {
        let told = told.replace("ONE", &KEYS[0].to_string());
        let told = told.replace("FOREIGN", &KEYS[2].to_string());
        assert_eq!(repairs(act).join("; "), told, "act {n}");
    }
}

#[test]
fn what_follows_a_new_wish_is_no_repair() {
    let mut want = mesh(&[(0, "10.64.1.0/24"), (2, "10.64.3.0/24")]);
    on_mesh(&mut want).mtu = 1280;
    want.firewall = Firewall([(Family::V6, Rules::default())].into());
    let changes = diff(&sound(), &want, Parts::ALL);
    assert!(changes.len() > 7, "{changes:?}");
    assert_eq!(settled().repairs(&sound(), &want, &changes), []);
    // Nor is anything at the start.
    let changes = diff(&State::default(), &sound(), Parts::ALL);
    assert_eq!(Settled::default().repairs(&State::default(), &sound(), &changes), []);
}

#[test]
fn a_part_that_failed_counts_as_it_did_before() {
    let mut settled = settled();
    let mut want = sound();
    want.routes.pop_first();
    let lost = State { routes: BTreeSet::new(), ..sound() };
    settled.learn(&want, Parts::ALL, Parts::ROUTES, Parts::NONE);
    let count = |settled: &Settled| {
        let changes = diff(&lost, &sound(), Parts::ALL);
        settled.repairs(&lost, &sound(), &changes).len()
    };
    assert_eq!(count(&settled), 2);
    // Told already: what is still to be done is the same repair.
    settled.learn(&want, Parts::ALL, Parts::ROUTES, Parts::ROUTES);
    assert_eq!(count(&settled), 0);
    settled.learn(&sound(), Parts::ALL, Parts::NONE, Parts::NONE);
    assert_eq!(count(&settled), 2);
    assert_eq!(Change::SetUp(MESH).kind(), RepairKind::Interface);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn there_are_repairs_whenever_something_differs_from_what_was_wished_for(
        found in state(false), want in state(true), bits: u32
    ) {
        let mut settled = Settled::default();
        settled.learn(&want, Parts::ALL, Parts::NONE, Parts::NONE);
        let have = mixed(found, &want, bits);
        let changes = diff(&have, &want, Parts::ALL);
        let repairs = settled.repairs(&have, &want, &changes);
        prop_assert!(repairs.iter().all(|repair| changes.contains(repair)));
        // Only who moved by itself is set without being told.
        let moved = |change: &Change| matches!(change, Change::SetPeer(..));
        prop_assert!(!repairs.is_empty() || changes.iter().all(moved));
        prop_assert_eq!(settled.repairs(&want, &want, &[]), vec![]);
    }
}
