//! What nodes tell of themselves, and who reads it, over real sockets.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use common::safe::{Safe, client, mesh};
use common::{allocate, refusal, registration};
use connectrpc::{ConnectError, ErrorCode};
use wgcni_api::Registration;
use wgcni_api::client::ClusterManager;
use wgcni_api::view::{Line, Link, Report, Reported, Traffic};
use wgcni_api::view_v1 as wire;
use wgcni_model::{Endpoints, PrivateKey, WireguardKind};

fn report(node: &str, links: &[&str]) -> Report {
    let link = |node: &&str| Link {
        node: node.parse().unwrap(),
        traffic: Traffic { handshake: Some(Duration::from_secs(5)), received: 7, sent: 8 },
        silent: None,
    };
    Report {
        node: node.parse().unwrap(),
        version: Line::fitting("0.1.0", Line::MAX_VERSION),
        kind: WireguardKind::Userspace,
        ready: true,
        reasons: vec![Line::fitting("degraded: a bit", Line::MAX)],
        attachments: 3,
        free: 250,
        peers: 1,
        peers_up: 1,
        links: links.iter().map(link).collect(),
        untold: 0,
    }
}

async fn tell(node: &ClusterManager, report: &Report) -> Result<(), ConnectError> {
    node.report.report(wire::ReportRequest::from(report)).await.map(drop)
}

/// Everything that operators read.
async fn told(safe: &Safe) -> Vec<Report> {
    let request = wire::ListReportsRequest { links: true, ..Default::default() };
    let page = safe.root.view.list_reports(request).await.unwrap().into_owned();
    assert_eq!(page.next, "");
    let parse = |told| Reported::try_from(told).unwrap().report;
    page.reports.into_iter().map(parse).collect()
}

/// A node that is leased and registered.
async fn node(safe: &Safe, name: &str, n: u8) -> ClusterManager {
    let client = client(&safe.node(name, &mesh(n)).await);
    allocate(&client, name).await.unwrap();
    let own = Registration {
        node: name.parse().unwrap(),
        mesh_key: mesh(n).public_key(),
        hub_key: PrivateKey::from_random([n + 100; 32]).public_key(),
        endpoints: Endpoints::default(),
        ..registration(n)
    };
    client.wireguard.register_peer((&own).into()).await.unwrap();
    client
}

#[tokio::test]
async fn a_node_tells_of_itself_alone_and_only_operators_read_it() {
    let safe = Safe::new().await;
    let (ash, birch) = (node(&safe, "ash", 1).await, node(&safe, "birch", 2).await);
    tell(&ash, &report("ash", &["birch"])).await.unwrap();
    assert_eq!(told(&safe).await, [report("ash", &["birch"])]);
    let (code, message) = refusal(tell(&ash, &report("birch", &[])).await);
    assert_eq!((code, &*message), (ErrorCode::PermissionDenied, "node: this caller is node ash"));
    tell(&birch, &report("birch", &["ash"])).await.unwrap();
    assert_eq!(told(&safe).await, [report("ash", &["birch"]), report("birch", &["ash"])]);
    for (who, error) in [
        ("a node", ash.view.list_reports(wire::ListReportsRequest::default()).await.err()),
        ("root on this machine", tell(&safe.root, &report("ash", &[])).await.err()),
    ] {
        let (code, message) = refusal(error.map_or(Ok(()), Err));
        let expected = format!("this is not for {who}");
        assert_eq!((code, message), (ErrorCode::PermissionDenied, expected));
    }
    let ann = client(&safe.operator("ann").await);
    let page = ann.view.list_reports(wire::ListReportsRequest::default()).await.unwrap();
    let page = page.into_owned();
    assert!(page.reports.len() == 2 && page.reports[0].report.links.is_empty(), "{page:?}");
    safe.stop().await;
}

#[tokio::test]
async fn garbage_is_refused_by_field_and_nothing_of_it_is_shown() {
    let safe = Safe::new().await;
    let (ash, _birch) = (node(&safe, "ash", 1).await, node(&safe, "birch", 2).await);
    tell(&ash, &report("ash", &["birch"])).await.unwrap();
    let before = told(&safe).await;
    let good = || wire::Report::from(&report("ash", &["birch"]));
    let many = |name: fn(usize) -> String| {
        let link = |n| wire::Link { node: name(n), ..Default::default() };
        wire::Report { links: (0..401).map(link).collect(), ..good() }
    };
    let link = |node: &str| wire::Report {
        links: vec![wire::Link { node: node.to_owned(), ..Default::default() }; 2],
        ..good()
    };
    for (field, bad) in [
        ("report.node", wire::Report { node: "a\x1b[2Jsh".into(), ..good() }),
        ("report.version", wire::Report { version: "\x1b]0;x\x07".into(), ..good() }),
        ("report.version", wire::Report { version: "v".repeat(65), ..good() }),
        ("report.wireguard_kind", wire::Report { wireguard_kind: 9.into(), ..good() }),
        ("report.reasons", wire::Report { reasons: vec![String::new(); 9], ..good() }),
        ("report.reasons[0]", wire::Report { reasons: vec!["r".repeat(161)], ..good() }),
        (
            "report.reasons[1]",
            wire::Report { reasons: ["", "\u{202e}"].map(Into::into).into(), ..good() },
        ),
        ("report.links", many(|n| format!("node-{n}"))),
        ("report.links[0].node", link("../../x")),
        ("report.links[1].node", link("birch")),
        ("report.links[0].node", link("ash")),
    ] {
        let request = wire::ReportRequest { report: bad.into(), ..Default::default() };
        let (code, message) = refusal(ash.report.report(request).await);
        assert_eq!(code, ErrorCode::InvalidArgument, "{field}");
        assert!(message.starts_with(&format!("{field}: ")), "{field}: {message}");
        assert!(message.len() < 300 && !message.contains(char::is_control), "{message:?}");
    }
    let (code, _) = refusal(ash.report.report(wire::ReportRequest::default()).await);
    assert_eq!(code, ErrorCode::InvalidArgument);
    // Beyond what is read at all.
    let huge = wire::Report { reasons: vec!["x".repeat(70_000)], ..good() };
    let request = wire::ReportRequest { report: huge.into(), ..Default::default() };
    assert_eq!(refusal(ash.report.report(request).await).0, ErrorCode::ResourceExhausted);
    assert_eq!(told(&safe).await, before);
    safe.stop().await;
}

#[tokio::test]
async fn what_is_told_of_strangers_is_dropped_and_who_leaves_is_forgotten() {
    let safe = Safe::new().await;
    let (ash, birch) = (node(&safe, "ash", 1).await, node(&safe, "birch", 2).await);
    tell(&ash, &report("ash", &["birch", "ghost"])).await.unwrap();
    tell(&birch, &report("birch", &["ash"])).await.unwrap();
    assert_eq!(told(&safe).await[0], report("ash", &["birch"]));
    let remove =
        wgcni_api::admin_v1::RemoveMemberRequest { name: "birch".into(), ..Default::default() };
    safe.root.admin.remove_member(remove).await.unwrap();
    assert_eq!(told(&safe).await.len(), 1);
    assert!(tell(&birch, &report("birch", &[])).await.is_err());
    // Another machine of that name begins with nothing told.
    let birch = node(&safe, "birch", 3).await;
    assert_eq!(told(&safe).await.len(), 1);
    tell(&birch, &report("birch", &[])).await.unwrap();
    assert_eq!(told(&safe).await.len(), 2);
    safe.stop().await;
}

#[tokio::test]
async fn who_is_not_registered_has_nothing_to_tell() {
    let safe = Safe::new().await;
    let ash = client(&safe.node("ash", &mesh(1)).await);
    let (code, message) = refusal(tell(&ash, &report("ash", &[])).await);
    assert_eq!(code, ErrorCode::FailedPrecondition);
    assert!(message.contains("RegisterPeer"), "{message}");
    assert_eq!(told(&safe).await, []);
    safe.stop().await;
}

#[tokio::test]
async fn plaintext_nodes_tell_and_whoever_reaches_the_port_reads_nothing() {
    let served = common::Served::new().await;
    served.join(1).await;
    tell(&served.client, &report("node-1", &[])).await.unwrap();
    let asked = served.client.view.list_reports(wire::ListReportsRequest::default()).await;
    assert_eq!(refusal(asked).0, ErrorCode::PermissionDenied);
    served.stop().await;
}
