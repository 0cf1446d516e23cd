//! What the network does: each command through the real binary.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use serde_json::json;
use support::Fake;
use support::node::{attachment, peer, reported, traffic};
use wgcni_api::admin_v1 as admin;
use wgcni_api::identity_v1::Role;
use wgcni_api::node_v1 as node;
use wgcni_api::view::{Line, PeerSeen};

fn member(name: &str, state: admin::MemberState, seen_ago: u64) -> admin::Member {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    admin::Member {
        name: name.into(),
        role: Role::ROLE_NODE.into(),
        state: state.into(),
        lease: vec!["10.64.3.0/24".into()],
        endpoints: vec!["192.0.2.3:51820".into()],
        applied_revision: 7,
        last_seen_unix_ms: now - 1000 * seen_ago,
        ..Default::default()
    }
}

fn ready(name: &str) -> node::StatusResponse {
    node::StatusResponse {
        ready: true,
        node: name.into(),
        version: "0.1.0".into(),
        lease: vec!["10.64.3.0/24".into()],
        wireguard_kind: node::WireguardKind::WIREGUARD_KIND_KERNEL.into(),
        attachments: 3,
        free_addresses: 250,
        peers: 2,
        applied_revision: 7,
        cluster_manager_connected: true,
        channel: "mtls".into(),
        cluster_id: "0a".repeat(16),
        ..Default::default()
    }
}

#[test]
fn attachments_are_listed_from_all_pages_and_their_paths_drive_no_terminal() {
    let fake = Fake::start();
    fake.start_node();
    let done = fake.on_node("attachments");
    assert!(done.exit == 0 && done.stderr == "no attachments\n", "{done:?}");
    *fake.state.node.attachments.lock().unwrap() = vec![
        attachment("api", Some(traffic(Some(5), 2048, 1))),
        attachment("db", Some(traffic(None, 0, 0))),
        attachment("web", None),
    ];
    let done = fake.on_node("attachments");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(
        lines[0].starts_with("NETWORK  CONTAINER  IFNAME  ADDRESSES          MADE"),
        "{done:?}"
    );
    assert!(lines[1].starts_with("wgnet    api        eth0    10.64.1.2,fd00::2  "), "{done:?}");
    assert!(lines[1].contains("  5 s ago    2.00 KiB  1 B   /run/netns/api\\u{1b}[2J"), "{done:?}");
    assert!(lines[2].contains("  never      0 B       0 B   /run/netns/db"), "{done:?}");
    assert!(lines[3].contains("  -          -         -     /run/netns/web"), "{done:?}");
    let json = fake.on_node("attachments --json").json();
    let first = &json["attachments"][0];
    assert_eq!(
        (&first["container_id"], &first["handshake_age_seconds"]),
        (&json!("api"), &json!(5))
    );
    assert_eq!(first["addresses"], json!(["10.64.1.2", "fd00::2"]));
    assert_eq!(first["made"], "2023-11-14T22:13:20Z");
    assert_eq!(json["attachments"][2]["received_bytes"], json!(null));
    *fake.state.node.trouble.lock().unwrap() = "no such\x1b device".into();
    let done = fake.on_node("attachments");
    assert_eq!(done.stderr, "what passed is not known: no such\\u{1b} device\n");
}

#[test]
fn peers_are_those_of_this_node_or_the_links_of_all() {
    let fake = Fake::start();
    fake.start_node();
    let silent = Some(std::time::Duration::from_secs(70));
    *fake.state.node.peers.lock().unwrap() = vec![
        peer("birch", Some(traffic(Some(5), 2048, 1))),
        PeerSeen { silent, ..peer("cedar", Some(traffic(None, 0, 148))) },
        peer("elm", None),
    ];
    let done = fake.on_node("peers");
    let lines: Vec<_> = done.stdout.lines().collect();
    let expected =
        "birch  5 s ago    2.00 KiB  1 B    -       192.0.2.7:51820  192.0.2.8:4711  10.64.3.0/24";
    assert_eq!(lines[1], expected, "{done:?}");
    assert!(lines[2].starts_with("cedar  never      0 B       148 B  1 min   "), "{done:?}");
    assert!(lines[3].starts_with("elm    -          -         -      -  "), "{done:?}");
    let json = fake.on_node("peers --json").json();
    assert_eq!((&json["node"], &json["peers"][1]["silent_seconds"]), (&json!("ash"), &json!(70)));

    let done = fake.run("peers --all");
    assert!(done.exit == 1 && done.stderr.contains("older than nodes' reports"), "{done:?}");
    let mut cedar =
        reported("cedar", 9, &[("birch", traffic(None, 0, 3)), ("ash", traffic(Some(1), 1, 1))]);
    cedar.report.untold = 12;
    *fake.state.reports.lock().unwrap() = Some(vec![
        reported("ash", 30, &[("birch", traffic(Some(31), 5, 6))]),
        reported("birch", 2, &[]),
        cedar,
    ]);
    let done = fake.run("peers --all");
    done.is("FROM   TO     HANDSHAKE  RECEIVED  SENT  SILENT  TOLD\n\
             ash    birch  1 min ago  5 B       6 B   -       30 s ago\n\
             cedar  ash    10 s ago   1 B       1 B   -       9 s ago\n\
             cedar  birch  never      0 B       3 B   -       9 s ago\n");
    assert!(done.stderr.starts_with("12 more links are not told"), "{done:?}");
    let json = fake.run("peers --all --json").json();
    assert_eq!(
        (&json["links"][0]["handshake_age_seconds"], &json["links_untold"]),
        (&json!(61), &json!(12))
    );
}

#[test]
fn nodes_are_one_table_with_what_each_told_and_what_is_wrong() {
    let fake = Fake::start();
    let active = admin::MemberState::MEMBER_STATE_ACTIVE;
    let copied = "its credentials were copied".to_owned();
    *fake.state.members.lock().unwrap() = vec![
        member("ash", active, 2),
        admin::Member { alarm: copied, applied_revision: 4, ..member("birch", active, 7300) },
        member("cedar", admin::MemberState::MEMBER_STATE_REVOKED, 3),
    ];
    let mut birch = reported("birch", 20, &[]);
    birch.report.ready = false;
    birch.report.reasons = vec![Line::fitting("no free address", Line::MAX)];
    *fake.state.reports.lock().unwrap() = Some(vec![reported("ash", 1, &[]), birch]);
    let done = fake.run("nodes");
    let lines: Vec<_> = done.stdout.lines().collect();
    let heading = "NAME   STATE    SEEN     LEASE         ENDPOINT         ATTACHMENTS  FREE  PEERS UP  BEHIND  VERSION  WRONG";
    assert_eq!(lines[0], heading);
    assert_eq!(
        lines[1],
        "ash    active   2 s ago  10.64.3.0/24  192.0.2.3:51820  3            250   1/2       0       0.1.0    -"
    );
    let wrong = "its credentials were copied; last heard of 2 h ago; not ready; no free address";
    assert!(
        lines[2].starts_with("birch  active   2 h ago") && lines[2].ends_with(wrong),
        "{done:?}"
    );
    assert!(lines[2].contains("  1/2       3       0.1.0"), "{done:?}");
    let revoked: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(revoked[..2], ["cedar", "revoked"]);
    assert_eq!(revoked[revoked.len() - 6..], ["-"; 6], "{done:?}");
    assert_eq!(fake.run("node list").stdout, done.stdout);
    let json = fake.run("nodes --json").json();
    assert_eq!(json["nodes"][0]["alive"], json!(true));
    assert_eq!(json["nodes"][0]["attachments"], json!(3));
    assert_eq!(
        (&json["nodes"][1]["alive"], &json["nodes"][1]["ready"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        (&json["nodes"][2]["peers"], &json["nodes"][2]["wrong"]),
        (&json!(null), &json!([]))
    );
    // A cluster-manager that is older than reports.
    *fake.state.reports.lock().unwrap() = None;
    assert!(fake.run("nodes").stdout.contains("ash    active   2 s ago"));
}

#[test]
fn status_is_of_the_node_the_cluster_or_both_with_what_is_wrong_first() {
    let fake = Fake::start();
    *fake.state.node.status.lock().unwrap() = ready("ash");
    // A node-manager that does not run is wrong, whatever the cluster says.
    let done = fake.on_both("status");
    assert_eq!((done.exit, done.stderr.as_str()), (4, ""), "{done:?}");
    assert!(done.stdout.starts_with("ALARM: reach the node-manager at "), "{done:?}");
    assert!(done.stdout.contains("systemctl start node-manager"), "{done:?}");
    assert!(done.stdout.contains("\ncluster-manager:"), "{done:?}");
    fake.start_node();
    let done = fake.on_node("status");
    assert!(done.exit == 0 && done.stderr.contains("not logged in"), "{done:?}");
    assert!(
        done.stdout.starts_with("nothing is wrong\n\nthis node:           ash, ready\n"),
        "{done:?}"
    );
    assert!(done.stdout.contains("\nattachments:         3, 250 addresses free\n"), "{done:?}");
    let json = fake.on_node("status --json").json();
    assert_eq!((&json["nodes"], &json["node"]["name"]), (&json!(null), &json!("ash")));
    let both = fake.on_both("status");
    assert!(both.exit == 0 && both.stdout.contains("\ncluster-manager:"), "{both:?}");
    assert!(both.stdout.contains("\nthis node:           ash, ready\n"), "{both:?}");
    assert_eq!(fake.on_both("status --check").exit, 0);

    let reasons = vec!["degraded: silent: birch".into()];
    *fake.state.node.status.lock().unwrap() =
        node::StatusResponse { ready: false, reasons, ..ready("ash") };
    fake.state.status.lock().unwrap().alarms = vec!["node elm: was copied".into()];
    let mut elm = reported("elm", 3, &[]);
    elm.report.ready = false;
    *fake.state.reports.lock().unwrap() = Some(vec![elm]);
    let both = fake.on_both("status");
    let first: Vec<_> = both.stdout.lines().take(5).collect();
    assert_eq!(
        first,
        [
            "ALARM: node elm: was copied",
            "ALARM: node elm: not ready",
            "ALARM: this node, ash: not ready",
            "ALARM: this node, ash: degraded: silent: birch",
            ""
        ]
    );
    assert_eq!((both.exit, fake.on_both("status --check").exit), (0, 1));
    assert!(!fake.run("status").stdout.contains("this node"));
}

#[test]
fn the_node_tells_also_when_the_cluster_manager_is_away() {
    let fake = Fake::start();
    fake.start_node();
    *fake.state.node.status.lock().unwrap() = ready("ash");
    *fake.state.node.peers.lock().unwrap() = vec![peer("birch", None)];
    let mut command = fake.node_command("status --socket /nowhere/socket");
    let done = support::Done::new(command.output().unwrap());
    assert_eq!(done.exit, 4, "{done:?}");
    assert!(done.stdout.starts_with("ALARM: reach the cluster-manager at /nowhere"), "{done:?}");
    assert!(done.stdout.contains("this node:           ash, ready"), "{done:?}");
    let mut command = fake.node_command("graph --socket /nowhere/socket");
    let done = support::Done::new(command.output().unwrap());
    assert!(done.exit == 0 && done.stderr.contains("/nowhere/socket"), "{done:?}");
    assert!(done.stdout.contains("\"node:ash\" -> \"node:birch\""), "{done:?}");
}

#[test]
fn whoever_asks_where_no_node_manager_runs_is_told_what_to_do() {
    let fake = Fake::start();
    for line in ["attachments", "peers", "top --once", "graph", "status"] {
        let done = fake.on_node(line);
        assert_eq!((done.exit, done.stdout.as_str()), (4, ""), "{done:?}");
        assert!(done.stderr.contains("systemctl start node-manager"), "{done:?}");
    }
}

#[test]
fn top_without_a_terminal_prints_rates_once() {
    let fake = Fake::start();
    fake.start_node();
    *fake.state.node.peers.lock().unwrap() =
        vec![peer("birch", Some(traffic(Some(5), 0, 0))), peer("elm", None)];
    *fake.state.node.step.lock().unwrap() = 1 << 30;
    let done = fake.on_node("top --interval 1s");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{done:?}");
    let words: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!(
        (words[0], words[1], words[3], words[5]),
        ("peer", "birch", "MiB", "GiB"),
        "{done:?}"
    );
    let rate: f64 = words[2].parse().unwrap();
    assert!((300.0..1024.0).contains(&rate), "{done:?}");
    let json = fake.on_node("top --once --json").json();
    assert_eq!(
        (&json["rows"][0]["kind"], &json["rows"][0]["name"]),
        (&json!("peer"), &json!("birch"))
    );
    assert!(json["rows"][0]["received_per_second"].as_u64().unwrap() > 300 << 20, "{json}");
    assert_eq!(json["rows"][1]["sent_per_second"], json!(null));
}

#[test]
fn a_graph_is_text_or_a_picture_and_says_what_is_missing_for_that() {
    let fake = Fake::start();
    fake.start_node();
    let active = admin::MemberState::MEMBER_STATE_ACTIVE;
    *fake.state.members.lock().unwrap() =
        vec![member("ash", active, 2), member("birch", active, 2), member("cedar", active, 2)];
    *fake.state.node.peers.lock().unwrap() = vec![peer("birch", Some(traffic(Some(5), 1, 1)))];
    *fake.state.node.attachments.lock().unwrap() = vec![attachment("web", None)];
    let mut birch =
        reported("birch", 5, &[("ash", traffic(Some(9), 1, 1)), ("cedar", traffic(Some(9), 1, 1))]);
    birch.report.links[1].silent = Some(std::time::Duration::from_secs(4));
    let cedar = reported("cedar", 5, &[("birch", traffic(Some(9), 1, 1))]);
    *fake.state.reports.lock().unwrap() = Some(vec![birch, cedar]);
    let done = fake.on_both("graph");
    for line in [
        "  \"node:ash\" -> \"node:birch\" [color=\"#2e7d32\", style=solid, penwidth=2];",
        "  \"node:ash\" -> \"node:cedar\" [color=\"#9e9e9e\", style=dotted, penwidth=1];",
        "  \"node:cedar\" -> \"node:birch\" [label=\"birch hears nothing of cedar\", dir=forward, color=\"#c62828\", penwidth=4];",
        "  \"attachment:wgnet/web/eth0\" [label=\"wgnet/web/eth0\\n10.64.1.2\\nfd00::2\", shape=ellipse, style=solid];",
    ] {
        assert!(done.stdout.lines().any(|l| l == line), "{line} in {}", done.stdout);
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.svg");
    let done = fake.on_both(&format!("graph -o {}", file.display()));
    assert_eq!((done.exit, done.stdout.as_str()), (0, ""), "{done:?}");
    let svg = fs::read_to_string(&file).unwrap();
    assert!(svg.contains("<svg") && svg.contains("birch hears nothing of cedar"), "{svg}");
    let mut command = fake.command("graph --format svg");
    let done = support::Done::new(command.env("PATH", "/nowhere").output().unwrap());
    assert!(done.exit == 1 && done.stderr.contains("apt install graphviz"), "{done:?}");
    let json = fake.on_both("graph --json").json();
    assert_eq!(json["edges"][2]["a_says"], json!("silent"));
    assert_eq!(
        json["nodes"][0],
        json!({"node": "ash", "alive": true, "attachments": 1, "here": true})
    );
}
