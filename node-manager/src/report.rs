//! Tells the cluster-manager now and then how this node is, for operators to read. Nothing
//! depends on it: what does not arrive is told again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connectrpc::{ConnectError, ErrorCode};
use rand::Rng;
use tokio::time::{Instant, sleep};
use wgcni_api::view::{Line, Link, Report};
use wgcni_api::view_v1::ReportRequest;
use wgcni_daemon::Backoff;
use wgcni_store::Store;

use crate::eye::Passed;
use crate::membership::CALL;
use crate::rpc::Service;
use crate::status::status;
use crate::view::traffic;

/// Time between two reports when nothing changes, in milliseconds.
const PERIOD: std::ops::Range<u64> = 25_000..35_000;

/// How often is looked whether something changed: reports come no faster.
const LOOK: Duration = Duration::from_secs(3);

/// How long a cluster-manager that knows no reports, or not this node, is left alone.
const UNWANTED: Duration = Duration::from_mins(5);

/// What is told at once when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct News {
    ready: bool,
    reasons: Vec<String>,
    attachments: u64,
    peers: u64,
}

impl News {
    fn of<S: Store>(service: &Service<S>) -> Self {
        let status = status(service);
        let (attachments, peers) = (status.attachments, status.peers);
        Self { ready: status.ready, reasons: status.reasons, attachments, peers }
    }
}

/// Tells, for ever.
pub(crate) async fn keep_telling<S: Store>(service: Arc<Service<S>>) {
    let client = service.channel.client(CALL);
    let mut backoff = Backoff::new(LOOK, Duration::from_mins(1));
    loop {
        let news = News::of(&service);
        let answer = client.report.report(ReportRequest::from(&report(&service).await)).await;
        let period = Duration::from_millis(rand::rng().random_range(PERIOD));
        match answer {
            Ok(_) => {
                backoff.succeed();
                changed_or(period, &service, &news).await;
            }
            Err(error) => {
                tracing::debug!(%error, "tell the cluster-manager how this node is");
                let wait = backoff.fail(&mut rand::rng());
                let unwanted = is_unwanted(&error) || service.channel.is_refusal(&error);
                // Dropping either loses nothing: both only wait.
                tokio::select! {
                    () = sleep(if unwanted { UNWANTED + period } else { wait }) => {}
                    () = service.channel.changed() => {}
                }
            }
        }
    }
}

/// An older cluster-manager does not know the call, and does not let anybody call it.
fn is_unwanted(error: &ConnectError) -> bool {
    matches!(error.code, ErrorCode::Unimplemented | ErrorCode::InvalidArgument)
}

/// Waits for this long, or until there is something new to tell.
async fn changed_or<S: Store>(period: Duration, service: &Service<S>, told: &News) {
    let end = Instant::now() + period;
    while Instant::now() < end {
        sleep(LOOK.min(end - Instant::now())).await;
        if News::of(service) != *told {
            return;
        }
    }
}

/// How the node is now.
async fn report<S: Store>(service: &Service<S>) -> Report {
    let passed = service.eye.mesh().await;
    let trouble = passed.as_ref().err().map(|why| format!("degraded: read the mesh: {why}"));
    let passed = passed.unwrap_or_default();
    let links = links(service, &passed);
    let status = status(service);
    let reasons = status.reasons.iter().chain(&trouble).take(Report::MAX_REASONS);
    let mut report = Report {
        node: service.channel.node().clone(),
        version: Line::fitting(&status.version, Line::MAX_VERSION),
        kind: service.about.kind,
        ready: status.ready,
        reasons: reasons.map(|reason| Line::fitting(reason, Line::MAX)).collect(),
        attachments: status.attachments,
        free: status.free_addresses,
        peers: status.peers,
        peers_up: links.iter().filter(|link| link.traffic.is_fresh()).count() as u64,
        links: Vec::new(),
        untold: 0,
    };
    report.tell(links);
    report
}

fn links<S: Store>(service: &Service<S>, passed: &Passed) -> Vec<Link> {
    let silent = service.silent(SystemTime::now());
    let link = |peer: wgcni_model::Peer| {
        let traffic = traffic(passed.get(&peer.mesh_key)?);
        Some(Link { silent: silent.get(&peer.node).copied(), node: peer.node, traffic })
    };
    service.others().into_iter().filter_map(link).collect()
}
