//! The node in numbers, for operators' programs: computed when somebody asks, from what
//! Status says, and from a look at the links.

mod links;
mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use wgcni_daemon::CancellationToken;
use wgcni_dataplane::RepairKind;
use wgcni_model::{Family, WireguardKind};
use wgcni_store::Store;
use wgcni_telemetry::calls::Calls;
use wgcni_telemetry::commits::Commits;
use wgcni_telemetry::{Page, Source, door};

use crate::channel::now;
use crate::config::Config;
use crate::reconcile::Found;
use crate::rpc::Service;
use crate::status::status;

/// What is counted while it happens, and what was asked for.
#[derive(Debug)]
pub struct Meters {
    pub(crate) calls: Calls,
    pub(crate) commits: Commits,
    /// Most nodes that have series of their own.
    peers: usize,
    /// Whether each container has.
    containers: bool,
    started: Duration,
}

impl Meters {
    /// Nothing happened yet.
    pub fn new(config: &Config) -> Self {
        Self {
            calls: Calls::default(),
            commits: Commits::default(),
            peers: config.metrics_peers,
            containers: config.metrics_containers,
            started: now(),
        }
    }
}

/// Pages of a running node-manager.
pub(crate) fn pages<S: Store>(service: &Arc<Service<S>>) -> Arc<Source> {
    let service = Arc::clone(service);
    Source::new(move || {
        let service = Arc::clone(&service);
        async move { page(&service).await }
    })
}

/// Serves pages over TCP too, where that was asked for, until what is returned is dropped.
///
/// # Errors
/// When the address cannot be had.
pub(crate) async fn listen(
    address: Option<SocketAddr>,
    pages: Arc<Source>,
    shutdown: CancellationToken,
) -> anyhow::Result<JoinSet<()>> {
    let mut task = JoinSet::new();
    if let Some(address) = address {
        let what = || format!("listen on {address} for metrics");
        let listener = TcpListener::bind(address).await.with_context(what)?;
        door::announce(listener.local_addr().with_context(what)?);
        task.spawn(door::serve(listener, pages, door::Limits::default(), shutdown));
    }
    Ok(task)
}

async fn page<S: Store>(service: &Service<S>) -> Page {
    let mut page = Page::new("wgcni_node");
    program(&mut page, service);
    addresses(&mut page, service);
    link(&mut page, service);
    kernel(&mut page, service);
    let found = service.findings.get();
    repairs(&mut page, &found, service.reclaimer.taken());
    traffic::links(&mut page);
    traffic::peers(&mut page, service, &found, service.meters.peers).await;
    if service.meters.containers {
        traffic::containers(&mut page, service).await;
    }
    service.meters.calls.show(&mut page);
    service.meters.commits.show(&mut page);
    service.reconciler.passes().show(&mut page);
    page
}

fn program<S: Store>(page: &mut Page, service: &Service<S>) {
    let kind = match service.about.kind {
        WireguardKind::Kernel => "kernel",
        WireguardKind::Userspace => "userspace",
    };
    let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
    let labels = vec![version, ("wireguard", kind.to_owned())];
    let help = "Which program this is, and where WireGuard runs; always 1";
    page.gauges("build_info", help, [(labels, 1.0)]);
    let started = service.meters.started.as_secs_f64();
    page.gauge("start_time_seconds", "When it started, since the Unix epoch", started);
    page.gauge("ready", "Whether ADD can work now", flag(status(service).ready));
}

fn addresses<S: Store>(page: &mut Page, service: &Service<S>) {
    let (attachments, resting, usage) = service.attachments.usage();
    page.gauge("attachments", "Attached containers", number(attachments));
    let help = "Released addresses that rest, both families together";
    page.gauge("resting_addresses", help, number(resting));
    let rows = usage.into_iter().flat_map(|pool| {
        let free = pool.capacity.saturating_sub(pool.used + pool.resting);
        let states = [("used", pool.used), ("resting", pool.resting), ("free", free)];
        states.map(|(state, count)| {
            let family = match pool.prefix.family() {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            };
            (vec![("family", family.to_owned()), ("state", state.to_owned())], wide(count))
        })
    });
    page.gauges("addresses", "Addresses of the lease by family and state", rows);
}

/// How it stands with the cluster-manager.
fn link<S: Store>(page: &mut Page, service: &Service<S>) {
    let link = service.link.borrow().clone();
    let connected = flag(link.connected);
    page.gauge("stream_connected", "Whether the stream of peers is up", connected);
    let member = service.membership.borrow().is_some();
    let registered = member && link.registration.is_none() && !link.refused;
    page.gauge("registered", "Whether the last registration worked", flag(registered));
    page.gauge("refused", "Whether the cluster-manager refuses this node", flag(link.refused));
    if let Some(end) = service.channel.certified_until() {
        let help = "End of the node's certificate, since the Unix epoch";
        page.gauge("certificate_expiry_timestamp_seconds", help, end.as_secs_f64());
    }
}

/// How it stands with the kernel.
fn kernel<S: Store>(page: &mut Page, service: &Service<S>) {
    let applied = service.reconciler.subscribe().borrow().clone();
    let known = service.membership.borrow().as_ref().map_or(0, |m| m.peers.revision.0);
    let revision = applied.revision.0;
    let help = "Revision of the peers that the kernel holds";
    page.gauge("applied_revision", help, wide(revision));
    let help = "How many revisions that it knows of the node has yet to apply";
    page.gauge("revision_lag", help, wide(known.saturating_sub(revision)));
    let help = "Whether the kernel is not as it should be";
    page.gauge("reconcile_failing", help, flag(applied.failure.is_some()));
}

fn repairs(page: &mut Page, found: &Found, reclaimed: u64) {
    let rows = RepairKind::ALL.map(|kind| {
        let count = found.repairs.get(&kind).copied().unwrap_or_default();
        (vec![("kind", kind.to_string())], count)
    });
    page.counters("repairs", "What somebody else changed and was restored, by kind", rows);
    let help = "Attachments taken away because their containers died without a DEL";
    page.counter("reclaimed", help, reclaimed);
    let help = "How often the process with the userspace devices died and was started again";
    page.counter("tunnels_restarts", help, found.restarts);
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 of them")]
fn number(count: usize) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss, reason = "a /64 has more addresses than anybody counts")]
fn wide(count: u64) -> f64 {
    count as f64
}
