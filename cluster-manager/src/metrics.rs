//! The cluster in numbers, for operators' programs: computed when somebody asks, from what
//! Status and the lists say.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wgcni_channel::server::{Live, Refused, ServerKey};
use wgcni_identity::Role;
use wgcni_model::{Family, Revision};
use wgcni_telemetry::calls::Calls;
use wgcni_telemetry::commits::Commits;
use wgcni_telemetry::{Labels, Page, Source};

use crate::authz::Denied;
use crate::cluster::Served;
use crate::members::{MemberState, MemberView};
use crate::rpc::now;
use crate::watch::Hub;

/// What is counted while it happens.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub calls: Calls,
    pub commits: Commits,
    pub denied: Denied,
    pub refused: Doors,
}

/// Whom each listener turned away.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    pub members: Refused,
    pub joiners: Refused,
}

/// Pages of a running cluster-manager.
pub(crate) fn pages(
    served: &Arc<Served>,
    hub: &Arc<Hub>,
    live: Live,
    key: Option<ServerKey>,
) -> Arc<Source> {
    let (served, hub) = (Arc::clone(served), Arc::clone(hub));
    Source::new(move || {
        let page = page(&served, &hub, &live, key.as_ref());
        std::future::ready(page)
    })
}

fn page(served: &Served, hub: &Hub, live: &Live, key: Option<&ServerKey>) -> Page {
    let mut page = Page::new("wgcni_cluster");
    program(&mut page, served);
    leases(&mut page, served);
    members(&mut page, served);
    mesh(&mut page, served, hub, live);
    certificates(&mut page, served, key);
    refusals(&mut page, served);
    served.meters.calls.show(&mut page);
    served.meters.commits.show(&mut page);
    page
}

fn program(page: &mut Page, served: &Served) {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    page.gauges("build_info", "Which program this is; always 1", [(version, 1.0)]);
    let started = served.started.as_secs_f64();
    page.gauge("start_time_seconds", "When it started, since the Unix epoch", started);
    let alarms = served.alarms(now()).len();
    page.gauge("alarms", "What wgcni status warns of", number(alarms));
}

#[allow(clippy::cast_precision_loss, reason = "a /48 has more /64s than anybody counts")]
fn leases(page: &mut Page, served: &Served) {
    let rows = served.registry.pools(now()).into_iter().flat_map(|pool| {
        let free = pool.capacity.saturating_sub(pool.used + pool.resting);
        let states = [("used", pool.used), ("quarantined", pool.resting), ("free", free)];
        states.map(|(state, count)| {
            let family = family(pool.prefix.family()).to_owned();
            let labels = vec![
                ("family", family),
                ("pool", pool.prefix.to_string()),
                ("state", state.to_owned()),
            ];
            (labels, count as f64)
        })
    });
    page.gauges("leases", "Leases by family, pool and state", rows);
}

fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

fn members(page: &mut Page, served: &Served) {
    let (_, members) = served.registry.members();
    let summary = served.registry.summary(now());
    let count = |role: Role, state: &str| {
        let of = |member: &&MemberView| member.role == role && state_of(member) == state;
        let labels = vec![("role", role.to_string()), ("state", state.to_owned())];
        (labels, number(members.iter().filter(of).count()))
    };
    let states = ["expected", "active", "revoked"].map(|state| count(Role::Node, state));
    let operators = ["active", "revoked"].map(|state| count(Role::Operator, state));
    let rows = states.into_iter().chain(operators);
    page.gauges("members", "Members by role and state", rows);
    page.gauge("nodes_alive", "Nodes heard of within a minute", number(summary.nodes_alive));
    page.gauge("usable_tickets", "Tickets that can be used", number(summary.tickets));
    page.gauge("audit_sequence", "Number of the newest line of the audit log", wide(summary.audit));
}

fn state_of(member: &MemberView) -> &'static str {
    match member.state {
        MemberState::Expected => "expected",
        MemberState::Active => "active",
        MemberState::Revoked(..) => "revoked",
    }
}

fn mesh(page: &mut Page, served: &Served, hub: &Hub, live: &Live) {
    let mesh = served.registry.mesh();
    page.gauge("peers", "Registered peers", number(mesh.peers));
    let revision = served.registry.revision();
    page.gauge("revision", "Revision of the newest change", wide(revision.0));
    let help = "Revision of the newest change of a peer";
    page.gauge("peers_revision", help, wide(mesh.revision.0));
    page.gauge("watchers", "Streams of peers", number(hub.watchers()));
    page.gauge("connections", "Connections of members", number(live.count()));
    let (_, peers) = served.registry.peers();
    let seen: Vec<_> = peers
        .into_iter()
        .filter_map(|status| status.seen.map(|seen| (status.peer.node.to_string(), seen)))
        .collect();
    let node = |node: &String| -> Labels { vec![("node", node.clone())] };
    let lag = |applied: Revision| wide(mesh.revision.0.saturating_sub(applied.0));
    let rows = seen.iter().map(|(name, seen)| (node(name), lag(seen.applied)));
    let help = "How many revisions a node has yet to apply, as it said last";
    page.gauges("node_revision_lag", help, rows);
    let rows = seen.iter().map(|(name, seen)| (node(name), seen.at.as_secs_f64()));
    let help = "Last sign of life of a node, since the Unix epoch";
    page.gauges("node_last_seen_timestamp_seconds", help, rows);
}

fn certificates(page: &mut Page, served: &Served, key: Option<&ServerKey>) {
    let ca = served.safe.as_ref().map(|safe| safe.keys.authority.certificate().not_after);
    if let Some(end) = ca {
        let help = "End of the CA's certificate, since the Unix epoch";
        page.gauge("ca_certificate_expiry_timestamp_seconds", help, end.as_secs_f64());
    }
    if let Some(key) = key {
        let help = "End of the server's certificate, which it renews itself, since the Unix epoch";
        let end = key.not_after().as_secs_f64();
        page.gauge("server_certificate_expiry_timestamp_seconds", help, end);
    }
}

fn refusals(page: &mut Page, served: &Served) {
    let Meters { denied, refused, .. } = &served.meters;
    let doors = [("members", &refused.members), ("joiners", &refused.joiners)];
    let rows = doors.into_iter().flat_map(|(door, refused)| {
        let reasons = [
            ("caps", refused.over_caps()),
            ("handshake", refused.handshakes()),
            ("slow", refused.slow()),
        ];
        reasons.map(|(reason, count)| {
            (vec![("listener", door.to_owned()), ("reason", reason.to_owned())], count)
        })
    });
    let help = "Connections that ended before their first request, by listener and reason";
    page.counters("connections_refused", help, rows);
    let denied = denied.load(Ordering::Relaxed);
    page.counter("requests_denied", "Requests for what the caller may not", denied);
    let refused = served.registry.refused_joins();
    page.counter("joins_refused", "Joiners that were not let in", refused);
}

#[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 of them")]
fn number(count: usize) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss, reason = "2^53 changes take longer than the hardware lasts")]
fn wide(count: u64) -> f64 {
    count as f64
}
