#![allow(clippy::unwrap_used)]
use std::io::Write as _;
use std::process::{Command, Stdio};

use wgcni_api::node::Namespace;
use wgcni_api::view::{Line, Link, Report};
use wgcni_model::{Addresses, Endpoints, NamespaceId, Prefixes, PrivateKey, WireguardKind};

use super::super::dot::{graph, quoted};
use super::*;

fn name(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn traffic(handshake: Option<u64>) -> Traffic {
    Traffic { handshake: handshake.map(Duration::from_secs), received: 5, sent: 5 }
}

fn link(node: &str, handshake: Option<u64>, silent: Option<u64>) -> Link {
    let silent = silent.map(Duration::from_secs);
    Link { node: name(node), traffic: traffic(handshake), silent }
}

fn told(node: &str, age: u64, links: Vec<Link>) -> (NodeName, Reported) {
    let report = Report {
        node: name(node),
        version: Line::fitting("0.1.0", Line::MAX_VERSION),
        kind: WireguardKind::Kernel,
        ready: true,
        reasons: Vec::new(),
        attachments: 2,
        free: 250,
        peers: 4,
        peers_up: 1,
        links,
        untold: 0,
    };
    (name(node), Reported { report, age: Duration::from_secs(age) })
}

fn here() -> Here {
    let key = PrivateKey::from_random([1; 32]).public_key();
    let peer = |node: &str, handshake| PeerSeen {
        node: name(node),
        public_key: key,
        endpoints: Endpoints::default(),
        in_use: None,
        allowed_ips: Prefixes::from_items(["10.64.2.0/24".parse().unwrap()]).unwrap(),
        traffic: Some(traffic(handshake)),
        silent: None,
    };
    let attachment = Attachment {
        key: wgcni_model::AttachmentKey {
            network: "wgnet".parse().unwrap(),
            container_id: "web".parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        },
        namespace: Namespace {
            path: "/x".into(),
            id: NamespaceId { device: 4, inode: 5, cookie: None },
        },
        addresses: Addresses::from_items(["10.64.1.2".parse().unwrap()]).unwrap(),
        public_key: key,
        made: Duration::ZERO,
        traffic: Some(traffic(Some(3))),
    };
    let peers = vec![peer("birch", Some(20)), peer("cedar", Some(400))];
    Here { node: name("ash"), peers, attachments: vec![attachment] }
}

/// ash sees birch and cedar; birch hears nothing of cedar, which hears it; elm is dead.
fn seen() -> Seen {
    let nodes = ["ash", "birch", "cedar"].map(|node| (name(node), true));
    Seen {
        nodes: nodes.into_iter().chain([(name("elm"), false)]).collect(),
        told: [
            told("ash", 9, vec![link("birch", Some(11), None), link("cedar", Some(390), None)]),
            told("birch", 10, vec![link("ash", Some(12), None), link("cedar", Some(90), Some(40))]),
            told("cedar", 12, vec![link("ash", Some(380), None), link("birch", Some(88), None)]),
        ]
        .into(),
        here: Some(here()),
    }
}

fn says(picture: &Picture, a: &str, b: &str) -> (Sight, Sight) {
    let edge = picture.edges.iter().find(|e| e.a == name(a) && e.b == name(b)).unwrap();
    (edge.a_says, edge.b_says)
}

#[test]
fn a_link_that_only_one_end_hears_stands_out() {
    let picture = Picture::new(&seen());
    assert_eq!(says(&picture, "ash", "birch"), (Sight::Fresh, Sight::Fresh));
    assert_eq!(says(&picture, "ash", "cedar"), (Sight::Stale, Sight::Stale));
    assert_eq!(says(&picture, "birch", "cedar"), (Sight::Silent, Sight::Fresh));
    let deaf: Vec<_> = picture.edges.iter().filter_map(Edge::deaf).collect();
    assert_eq!(deaf, [(&name("birch"), &name("cedar"))]);
}

#[test]
fn a_handshake_after_the_other_end_told_is_no_contradiction() {
    // birch told 20 s ago that there was nothing; ash shook hands 10 s ago.
    let mut seen = Seen {
        nodes: ["ash", "birch"].map(|node| (name(node), true)).into(),
        told: [told("ash", 1, vec![link("birch", Some(9), None)]), told("birch", 20, vec![])]
            .into(),
        here: None,
    };
    let picture = Picture::new(&seen);
    assert_eq!(says(&picture, "ash", "birch"), (Sight::Fresh, Sight::Unknown));
    assert_eq!(picture.edges[0].deaf(), None);
    // It told after that, and still nothing: ash is not heard.
    seen.told.extend([told("birch", 2, vec![])]);
    let picture = Picture::new(&seen);
    assert_eq!(picture.edges[0].deaf(), Some((&name("birch"), &name("ash"))));
    // It has more to tell than fits.
    seen.told.get_mut(&name("birch")).unwrap().report.untold = 1;
    assert_eq!(says(&Picture::new(&seen), "ash", "birch"), (Sight::Fresh, Sight::Unknown));
}

#[test]
fn many_nodes_are_drawn_without_the_pairs_of_which_nobody_told() {
    let node = |n: usize| (name(&format!("node-{n}")), true);
    let seen = Seen { nodes: (0..10_000).map(node).collect(), ..Seen::default() };
    let picture = Picture::new(&seen);
    assert_eq!((picture.nodes.len(), picture.edges.len()), (10_000, 0));
    let few = Seen { nodes: (0..FEW).map(node).collect(), ..Seen::default() };
    assert_eq!(Picture::new(&few).edges.len(), FEW * (FEW - 1) / 2);
}

#[test]
fn a_link_to_a_node_that_does_not_exist_is_not_drawn() {
    let mut seen = seen();
    seen.told.extend([told("elm", 1, vec![link("ghost", Some(1), None)])]);
    assert!(!graph(&Picture::new(&seen)).contains("ghost"));
}

#[test]
fn the_text_is_this() {
    let dot = graph(&Picture::new(&seen()));
    let golden = include_str!("golden.dot");
    assert!(dot == golden, "{dot}");
}

/// Draws it, as graphviz would for people.
fn drawn(dot: &str) -> String {
    let mut command = Command::new("dot");
    command.arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("graphviz is installed: scripts/deps.sh");
    child.stdin.take().unwrap().write_all(dot.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}\n{dot}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn graphviz_takes_it() {
    let svg = drawn(&graph(&Picture::new(&seen())));
    for text in ["birch hears nothing of cedar", "10.64.1.2", "2 attachments", "not heard of"] {
        assert!(svg.contains(text), "{text} in {svg}");
    }
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let hostile = [
        "\"]; evil [label=\"x",
        "a\\",
        "\\N \\G \\l",
        "<b>&lt;x&gt;</b>",
        "// # /* \n x",
        "\u{1b}[2J\u{202e}",
        "",
        "größe 木",
    ];
    for text in hostile {
        let svg = drawn(&format!("digraph x {{ {} [label={}]; }}", quoted(text), quoted(text)));
        assert_eq!(svg.matches("<g id=\"node").count(), 1, "{text:?}: {svg}");
        assert!(!svg.contains('\u{1b}') && !svg.contains("<b>"), "{text:?}: {svg}");
    }
    assert!(drawn("digraph x { a [label=\"\\\\N\"]; }").contains(">\\N<"));
    let svg = drawn(&format!("digraph x {{ a [label={}]; }}", quoted("\\N &lt;")));
    assert!(svg.contains("\\N &amp;lt;"), "{svg}");
}
