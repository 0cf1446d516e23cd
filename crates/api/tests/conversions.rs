//! Every message survives the wire, and foreign bytes never do more than be refused.
#![allow(clippy::unwrap_used)]

use buffa::Message;
use proptest::prelude::*;
use wgcni_api::node::{Attach, Attached, Checked, Detach, Dns, Hub, Namespace, Prune};
use wgcni_api::view::{Attachment, Line, Link, PeerSeen, Report, Reported, Traffic};
use wgcni_api::watch::{self, Event};
use wgcni_api::{Claim, Registration, ipam_v1, node_v1, view_v1, wireguard_v1};
use wgcni_model::{
    Addresses, AttachmentKey, Delta, Endpoints, History, Lease, NamespaceId, Peer, Prefixes,
    PrivateKey, PublicKey, Revision, Snapshot, WireguardKind,
};

fn key(n: u8) -> PublicKey {
    PrivateKey::from_random([n; 32]).public_key()
}

fn attachment(n: u8) -> AttachmentKey {
    AttachmentKey {
        network: "wgnet".parse().unwrap(),
        container_id: format!("container-{n}").parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

fn prefixes() -> Prefixes {
    Prefixes::from_items(["10.64.1.0/24", "fd00::/64"].map(|p| p.parse().unwrap())).unwrap()
}

fn addresses() -> Addresses {
    Addresses::from_items(["10.64.1.2", "fd00::2"].map(|a| a.parse().unwrap())).unwrap()
}

fn peer(n: u8) -> Peer {
    let endpoint = format!("192.0.2.{n}:51820").parse().unwrap();
    Peer {
        node: format!("node-{n}").parse().unwrap(),
        mesh_key: key(n),
        endpoints: Endpoints::try_from(vec![endpoint]).unwrap(),
        allowed_ips: prefixes(),
    }
}

fn namespace() -> Namespace {
    Namespace {
        path: "/run/netns/web".into(),
        id: NamespaceId { device: 4, inode: 4_026_531_840, cookie: Some(7) },
    }
}

fn attached() -> Attached {
    Attached {
        addresses: addresses(),
        hub: Hub { public_key: key(9), endpoint: "127.0.0.1:51819".parse().unwrap() },
        cluster: prefixes(),
        mtu: 1420,
        kind: WireguardKind::Userspace,
        device: "wgc0123456789ab".parse().unwrap(),
        dns: Dns { nameservers: vec!["10.64.1.1".parse().unwrap()], ..Dns::default() },
    }
}

/// Encodes a message and decodes it again, as the wire does.
fn wire<M: Message>(message: &M) -> M {
    M::decode_from_slice(&message.encode_to_vec()).unwrap()
}

#[test]
fn what_plugin_and_node_say_survives_the_wire() {
    let attach = Attach {
        key: attachment(1),
        namespace: namespace(),
        public_key: key(1),
        requested: Some(addresses()),
        started: Some(std::time::Duration::from_nanos(7)),
    };
    assert_eq!(Attach::try_from(wire(&node_v1::AttachRequest::from(&attach))).unwrap(), attach);
    let checked = Checked { attached: attached(), public_key: key(1), namespace: namespace() };
    assert_eq!(Checked::try_from(wire(&node_v1::CheckResponse::from(&checked))).unwrap(), checked);
    for public_key in [None, Some(key(1))] {
        let started = public_key.map(|_| std::time::Duration::from_nanos(8));
        let detach = Detach { key: attachment(1), public_key, started };
        assert_eq!(Detach::try_from(wire(&node_v1::DetachRequest::from(&detach))).unwrap(), detach);
    }
}

#[test]
fn no_list_of_valid_attachments_differs_from_an_empty_one() {
    let entry = (attachment(1).container_id, attachment(1).ifname);
    for valid in [None, Some([].into()), Some([entry].into())] {
        let prune = Prune { network: "wgnet".parse().unwrap(), valid };
        assert_eq!(Prune::try_from(wire(&node_v1::PruneRequest::from(&prune))).unwrap(), prune);
    }
}

#[test]
fn what_nodes_and_cluster_manager_say_survives_the_wire() {
    let lease = Lease { node: "node-1".parse().unwrap(), prefixes: prefixes() };
    assert_eq!(Lease::try_from(wire(&ipam_v1::Lease::from(&lease))).unwrap(), lease);
    for held in [None, Some(prefixes())] {
        let claim = Claim { node: lease.node.clone(), held };
        assert_eq!(Claim::try_from(wire(&ipam_v1::AllocateRequest::from(&claim))).unwrap(), claim);
    }
    let registration = Registration {
        node: "node-1".parse().unwrap(),
        mesh_key: key(1),
        hub_key: key(2),
        endpoints: peer(1).endpoints,
        applied: Revision(7),
    };
    let message = wire(&wireguard_v1::RegisterPeerRequest::from(&registration));
    assert_eq!(Registration::try_from(message).unwrap(), registration);
}

#[test]
fn the_stream_of_peers_survives_the_wire() {
    let history = History::from_random([3; 16]);
    let snapshot = Snapshot::new(history.clone(), Revision(5), [peer(1), peer(2)]);
    for supersedes in [false, true] {
        let event = Event::try_from(wire(&watch::snapshot(&snapshot, supersedes))).unwrap();
        assert_eq!(event, Event::Snapshot { peers: snapshot.clone(), supersedes });
    }
    let delta = Delta {
        history: history.clone(),
        after: Revision(4),
        revision: Revision(6),
        upserted: vec![peer(3)],
        removed: vec!["node-1".parse().unwrap()],
    };
    let event = Event::try_from(wire(&watch::change(&delta))).unwrap();
    assert_eq!(event, Event::Delta(delta));
    let event = Event::try_from(wire(&watch::heartbeat(Revision(6), &history))).unwrap();
    assert_eq!(event, Event::Heartbeat(history));
}

#[test]
fn refusals_name_the_field() {
    let mut message = node_v1::AttachRequest::from(&Attach {
        key: attachment(1),
        namespace: namespace(),
        public_key: key(1),
        requested: None,
        started: None,
    });
    message.public_key = vec![0; 32];
    let error = Attach::try_from(message.clone()).unwrap_err();
    assert_eq!(error.field(), "public_key");
    message.public_key = key(1).as_bytes().to_vec();
    message.requested_addresses = vec!["10.64.1.2".into(), "x\ny".into()];
    let error = Attach::try_from(message.clone()).unwrap_err();
    assert_eq!(error.field(), "requested_addresses[1]");
    assert!(!error.to_string().contains('\n'));
    message.key.modify(|key| key.container_id = "../../x".into());
    message.requested_addresses.clear();
    assert_eq!(Attach::try_from(message).unwrap_err().field(), "key.container_id");
}

fn traffics() -> [Option<Traffic>; 3] {
    let handshake = Some(std::time::Duration::from_millis(7));
    let never = Traffic { handshake: None, received: 0, sent: u64::MAX };
    [None, Some(never), Some(Traffic { handshake, received: 5, sent: 6 })]
}

fn report() -> Report {
    let link = |(n, traffic): (usize, Option<Traffic>)| {
        let silent = traffic?.handshake;
        Some(Link { node: format!("node-{n}").parse().unwrap(), traffic: traffic?, silent })
    };
    Report {
        node: "node-9".parse().unwrap(),
        version: Line::fitting("0.1.0", Line::MAX_VERSION),
        kind: WireguardKind::Kernel,
        ready: false,
        reasons: vec![Line::fitting("größer", Line::MAX)],
        attachments: 1,
        free: 2,
        peers: 3,
        peers_up: 4,
        links: traffics().into_iter().enumerate().filter_map(link).collect(),
        untold: 5,
    }
}

#[test]
fn what_people_see_survives_the_wire() {
    for traffic in traffics() {
        let seen = Attachment {
            key: attachment(1),
            namespace: namespace(),
            addresses: addresses(),
            public_key: key(1),
            made: std::time::Duration::from_millis(1_700_000_000_123),
            traffic,
        };
        let message = wire(&node_v1::AttachmentView::from(&seen));
        assert_eq!(Attachment::try_from(message).unwrap(), seen);
        for in_use in [None, Some("[2001:db8::1]:9".parse().unwrap())] {
            let seen = PeerSeen {
                node: peer(1).node,
                public_key: key(1),
                endpoints: peer(1).endpoints,
                in_use,
                allowed_ips: prefixes(),
                traffic,
                silent: traffic.and_then(|traffic| traffic.handshake),
            };
            let message = wire(&node_v1::PeerView::from(&seen));
            assert_eq!(PeerSeen::try_from(message).unwrap(), seen);
        }
    }
    let told = Reported { report: report(), age: std::time::Duration::from_secs(3) };
    assert_eq!(Reported::try_from(wire(&view_v1::NodeReport::from(&told))).unwrap(), told);
    let message = wire(&view_v1::ReportRequest::from(&told.report));
    assert_eq!(Report::try_from(message).unwrap(), told.report);
}

/// Decodes foreign bytes as a message and converts it: any refusal is fine, a panic is not.
fn convert<W: Message, T: TryFrom<W>>(bytes: &[u8]) {
    if let Ok(message) = W::decode_from_slice(bytes) {
        drop(T::try_from(message));
    }
}

/// Foreign bytes: noise, and real messages with a byte changed.
fn foreign() -> impl Strategy<Value = Vec<u8>> {
    let snapshot = Snapshot::new(History::from_random([3; 16]), Revision(5), [peer(1), peer(2)]);
    let real = prop_oneof![
        Just(watch::snapshot(&snapshot, true).encode_to_vec()),
        Just(node_v1::AttachResponse::from(&attached()).encode_to_vec()),
        Just(wireguard_v1::Peer::from(&peer(1)).encode_to_vec()),
        Just(view_v1::ReportRequest::from(&report()).encode_to_vec()),
    ];
    let flipped =
        (real, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut m, at, byte)| {
            let at = at.index(m.len());
            m[at] = byte;
            m
        });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), flipped]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn foreign_bytes_never_panic(bytes in foreign()) {
        convert::<ipam_v1::AllocateResponse, wgcni_api::Allocated>(&bytes);
        convert::<ipam_v1::Lease, Lease>(&bytes);
        convert::<wireguard_v1::Peer, Peer>(&bytes);
        convert::<wireguard_v1::RegisterPeerRequest, Registration>(&bytes);
        convert::<wireguard_v1::WatchPeersResponse, Event>(&bytes);
        convert::<node_v1::AttachRequest, Attach>(&bytes);
        convert::<node_v1::AttachResponse, Attached>(&bytes);
        convert::<node_v1::CheckResponse, Checked>(&bytes);
        convert::<node_v1::DetachRequest, Detach>(&bytes);
        convert::<node_v1::PruneRequest, Prune>(&bytes);
        convert::<node_v1::AttachmentView, Attachment>(&bytes);
        convert::<node_v1::PeerView, PeerSeen>(&bytes);
        convert::<view_v1::ReportRequest, Report>(&bytes);
        convert::<view_v1::NodeReport, Reported>(&bytes);
    }
}
