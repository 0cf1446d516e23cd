//! Messages of administration to and from the registry's types.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role as WireRole;
use wgcni_identity::{JoinCredential, Role};
use wgcni_model::{Field, FieldError, Revision};

use super::super::{millis, role};
use crate::cluster::Served;
use crate::members::{MemberState, MemberView, NewTicket, TicketView, TokenView};

/// Longest list that is read at all; the registry's own limits are lower.
const MAX_LIST: usize = 64;

const MAX_REASON: usize = 200;

/// A role; nodes where none is said.
pub(super) fn parse_role(wire: Option<WireRole>) -> Result<Role, FieldError> {
    match wire {
        Some(WireRole::ROLE_UNSPECIFIED | WireRole::ROLE_NODE) => Ok(Role::Node),
        Some(WireRole::ROLE_OPERATOR) => Ok(Role::Operator),
        None => Err(FieldError::new("role", "is unknown")),
    }
}

pub(super) fn new_ticket(wire: &wire::CreateTicketRequest) -> Result<NewTicket, FieldError> {
    let name = (!wire.name.is_empty()).then(|| wire.name.parse()).transpose();
    Ok(NewTicket {
        role: parse_role(wire.role.as_known())?,
        uses: wire.uses,
        life: Duration::from_secs(wire.valid_seconds),
        name: name.field("name")?,
        groups: list("groups", &wire.groups)?,
        source_cidrs: list("source_cidrs", &wire.source_cidrs)?,
    })
}

fn list<T: FromStr<Err: Display>>(field: &str, items: &[String]) -> Result<Vec<T>, FieldError> {
    if items.len() > MAX_LIST {
        let why = format!("has {} items, at most {MAX_LIST} are read", items.len());
        return Err(FieldError::new(field, why));
    }
    let item = |(n, text): (usize, &String)| text.parse().field(&format!("{field}[{n}]"));
    items.iter().enumerate().map(item).collect()
}

/// Text for the audit log.
pub(super) fn reason(text: &str) -> Result<&str, FieldError> {
    if text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        let why = format!("must have at most {MAX_REASON} characters, and no control characters");
        return Err(FieldError::new("reason", why));
    }
    Ok(text)
}

pub(super) fn ticket(view: &TicketView) -> wire::Ticket {
    wire::Ticket {
        id: view.id.to_string(),
        role: role(view.role).into(),
        uses_left: view.uses_left,
        uses: view.uses,
        expires_unix_ms: millis(view.expires),
        name: view.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        groups: texts(&view.groups),
        source_cidrs: texts(&view.source_cidrs),
        created_by: view.created_by.clone(),
        created_unix_ms: millis(view.created),
        joined: texts(&view.joined),
        revoked: view.revoked,
        ..Default::default()
    }
}

pub(super) fn token(view: &TokenView, last_used: Option<Duration>) -> wire::Token {
    wire::Token {
        id: view.id.to_string(),
        label: view.label.clone(),
        expires_unix_ms: millis(view.expires),
        created_by: view.created_by.clone(),
        last_used_unix_ms: last_used.map_or(0, millis),
        ..Default::default()
    }
}

pub(super) fn member(view: &MemberView) -> wire::Member {
    let (state, revoked, revoked_revision) = match view.state {
        MemberState::Expected => {
            (wire::MemberState::MEMBER_STATE_EXPECTED, Duration::ZERO, Revision(0))
        }
        MemberState::Active => {
            (wire::MemberState::MEMBER_STATE_ACTIVE, Duration::ZERO, Revision(0))
        }
        MemberState::Revoked(at, revision) => {
            (wire::MemberState::MEMBER_STATE_REVOKED, at, revision)
        }
    };
    wire::Member {
        name: view.name.to_string(),
        role: role(view.role).into(),
        identity_id: view.id.map(|id| id.to_string()).unwrap_or_default(),
        state: state.into(),
        joined_with: view.joined_with.clone(),
        joined_unix_ms: millis(view.joined),
        mesh_public_key: view.mesh_key.map(|key| key.as_bytes().to_vec()).unwrap_or_default(),
        groups: texts(&view.groups),
        lease: view
            .lease
            .iter()
            .flat_map(wgcni_model::DualStack::iter)
            .map(|p| p.to_string())
            .collect(),
        endpoints: texts(view.endpoints.as_slice()),
        certificate_expires_unix_ms: millis(view.not_after),
        renewals: view.renewals,
        last_seen_unix_ms: view.seen.map_or(0, |seen| millis(seen.at)),
        applied_revision: view.seen.map_or(0, |seen| seen.applied.0),
        alarm: view.alarm.clone().unwrap_or_default(),
        revoked_unix_ms: millis(revoked),
        revoked_revision: revoked_revision.0,
        ..Default::default()
    }
}

pub(super) fn status(served: &Served, now: Duration) -> wire::StatusResponse {
    let summary = served.registry.summary(now);
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let safe = served.safe.as_ref();
    let ca = safe.map(|safe| safe.keys.authority.certificate().not_after);
    let join = safe.map(|safe| safe.reached.join_string(&safe.keys, JoinCredential::Key));
    let prefixes = served.registry.cluster().prefixes;
    wire::StatusResponse {
        alarms: served.alarms(now),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster_id: served.cluster.to_string(),
        prefixes: prefixes.iter().map(|prefix| prefix.to_string()).collect(),
        insecure_plaintext: safe.is_none(),
        nodes: count(summary.nodes),
        nodes_alive: count(summary.nodes_alive),
        operators: count(summary.operators),
        whitelisted: count(summary.whitelisted),
        tickets: count(summary.tickets),
        leases: count(summary.leases),
        revision: summary.revision.0,
        started_unix_ms: millis(served.started),
        ca_expires_unix_ms: ca.map_or(0, millis),
        audit_sequence: summary.audit,
        join: join.map(|join| join.to_string()).unwrap_or_default(),
        ..Default::default()
    }
}

fn texts<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}
