//! `wgcni peers`.

use clap::Args;
use serde::Serialize;
use wgcni_api::view::{Link, PeerSeen, Reported, Traffic};

use crate::args::ReachArgs;
use crate::nearby::Nearby;
use crate::out::Out;
use crate::reach::Reach;
use crate::table::Table;
use crate::told::{Told, told};
use crate::{Failure, units};

/// Which peers
#[derive(Debug, Args)]
pub(crate) struct Peers {
    /// Links between all nodes, as the nodes told the cluster-manager
    #[arg(long)]
    all: bool,
}

impl Peers {
    pub async fn run(self, at: &ReachArgs, out: &mut Out) -> Result<(), Failure> {
        if self.all { links(&Reach::new(at).await?, out).await } else { here(at, out).await }
    }
}

/// What passed, for programs.
#[derive(Serialize)]
struct Passed {
    handshake_age_seconds: Option<u64>,
    received_bytes: Option<u64>,
    sent_bytes: Option<u64>,
}

impl From<Option<Traffic>> for Passed {
    fn from(traffic: Option<Traffic>) -> Self {
        Self {
            handshake_age_seconds: units::seconds(traffic.and_then(|t| t.handshake)),
            received_bytes: traffic.map(|t| t.received),
            sent_bytes: traffic.map(|t| t.sent),
        }
    }
}

#[derive(Serialize)]
struct Row {
    node: String,
    public_key: String,
    endpoints: Vec<String>,
    endpoint_in_use: Option<String>,
    allowed_ips: Vec<String>,
    #[serde(flatten)]
    passed: Passed,
    silent_seconds: Option<u64>,
}

impl From<&PeerSeen> for Row {
    fn from(peer: &PeerSeen) -> Self {
        Self {
            node: peer.node.to_string(),
            public_key: peer.public_key.to_string(),
            endpoints: peer.endpoints.as_slice().iter().map(ToString::to_string).collect(),
            endpoint_in_use: peer.in_use.map(|at| at.to_string()),
            allowed_ips: peer.allowed_ips.iter().map(|prefix| prefix.to_string()).collect(),
            passed: peer.traffic.into(),
            silent_seconds: units::seconds(peer.silent),
        }
    }
}

#[derive(Serialize)]
struct Rows {
    node: String,
    peers: Vec<Row>,
    trouble: Option<String>,
}

async fn here(at: &ReachArgs, out: &mut Out) -> Result<(), Failure> {
    let mesh = Nearby::new(at).mesh().await?;
    let table = table(&mesh.peers.all);
    if let Some(trouble) = &mesh.peers.trouble {
        out.note(format!("what passed is not known: {trouble}"));
    }
    if table.is_empty() {
        out.note("no other nodes");
    }
    let peers = mesh.peers.all.iter().map(Row::from).collect();
    let node = mesh.node.to_string();
    out.show(&Rows { node, peers, trouble: mesh.peers.trouble }, table)
}

fn table(peers: &[PeerSeen]) -> Table {
    let mut table = Table::new(&[
        "NODE",
        "HANDSHAKE",
        "RECEIVED",
        "SENT",
        "SILENT",
        "ENDPOINT",
        "IN USE",
        "ALLOWED",
    ]);
    for peer in peers {
        let row = Row::from(peer);
        let [handshake, received, sent] = amounts(peer.traffic.as_ref());
        table.row([
            row.node,
            handshake,
            received,
            sent,
            units::lasting(peer.silent),
            row.endpoints.join(","),
            row.endpoint_in_use.unwrap_or_default(),
            row.allowed_ips.join(","),
        ]);
    }
    table
}

fn amounts(traffic: Option<&Traffic>) -> [String; 3] {
    let bytes = |of: fn(&Traffic) -> u64| traffic.map(|t| units::bytes(of(t))).unwrap_or_default();
    [units::handshake(traffic), bytes(|t| t.received), bytes(|t| t.sent)]
}

#[derive(Serialize)]
struct LinkRow {
    from: String,
    to: String,
    #[serde(flatten)]
    passed: Passed,
    silent_seconds: Option<u64>,
    told_seconds_ago: u64,
}

#[derive(Serialize)]
struct Links {
    links: Vec<LinkRow>,
    links_untold: u64,
}

async fn links(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let older = || Failure::failed("the cluster-manager is older than nodes' reports");
    let told = told(reach, true).await?.ok_or_else(older)?;
    let untold: u64 = told.values().fold(0, |sum, t| sum.saturating_add(t.report.untold));
    if untold > 0 {
        out.note(format!("{untold} more links are not told: silent and young ones come first"));
    }
    let mut table = Table::new(&["FROM", "TO", "HANDSHAKE", "RECEIVED", "SENT", "SILENT", "TOLD"]);
    for (told, link) in each(&told) {
        let traffic = now(told, link);
        let [handshake, received, sent] = amounts(Some(&traffic));
        table.row([
            told.report.node.to_string(),
            link.node.to_string(),
            handshake,
            received,
            sent,
            units::lasting(link.silent.map(|silent| silent + told.age)),
            crate::times::ago(told.age),
        ]);
    }
    if table.is_empty() {
        out.note("no node told of a link: nothing passed yet, or they tell within 30 s");
    }
    let row = |(told, link): (&Reported, &Link)| LinkRow {
        from: told.report.node.to_string(),
        to: link.node.to_string(),
        passed: Some(now(told, link)).into(),
        silent_seconds: units::seconds(link.silent.map(|silent| silent + told.age)),
        told_seconds_ago: told.age.as_secs(),
    };
    out.show(&Links { links: each(&told).map(row).collect(), links_untold: untold }, table)
}

fn each(told: &Told) -> impl Iterator<Item = (&Reported, &Link)> {
    told.values().flat_map(|told| told.report.links.iter().map(move |link| (told, link)))
}

/// What a link was when it was told, with ages as of now.
fn now(told: &Reported, link: &Link) -> Traffic {
    let handshake = link.traffic.handshake.map(|age| age.saturating_add(told.age));
    Traffic { handshake, ..link.traffic }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wgcni_model::{Endpoints, Prefixes, PrivateKey};

    use super::*;

    #[test]
    fn ten_thousand_peers_are_a_table() {
        let key = PrivateKey::from_random([1; 32]).public_key();
        let peer = |n: usize| PeerSeen {
            node: format!("node-{n:05}").parse().unwrap(),
            public_key: key,
            endpoints: Endpoints::default(),
            in_use: None,
            allowed_ips: Prefixes::from_items(["10.64.0.0/24".parse().unwrap()]).unwrap(),
            traffic: Some(Traffic { received: n as u64, ..Traffic::default() }),
            silent: None,
        };
        let peers: Vec<_> = (0..10_000).map(peer).collect();
        let text = table(&peers).to_string();
        assert_eq!(text.lines().count(), 10_001);
        assert!(
            text.ends_with("-         -       10.64.0.0/24\n"),
            "{}",
            &text[text.len() - 100..]
        );
    }
}
