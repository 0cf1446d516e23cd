//! What operators see of members.

use std::time::Duration;

use wgcni_identity::{IdentityId, Role};
use wgcni_model::{Endpoints, NodeName, Prefixes, PublicKey, Revision};

use super::rows::{AuditRow, IdentityRow, audit_key};
use crate::records::Row;
use crate::registry::{Registry, Seen, State, Stored};

/// How it stands with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// On the whitelist, and did not join yet.
    Expected,
    /// In the cluster.
    Active,
    /// Out of the cluster, since a time and a revision.
    Revoked(Duration, Revision),
}

/// A member as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Its name.
    pub name: NodeName,
    /// What it may be.
    pub role: Role,
    /// Its identity; none while it is expected.
    pub id: Option<IdentityId>,
    /// How it stands.
    pub state: MemberState,
    /// What it joined with.
    pub joined_with: String,
    /// When it joined, since the Unix epoch.
    pub joined: Duration,
    /// Its mesh key.
    pub mesh_key: Option<PublicKey>,
    /// Its groups.
    pub groups: Vec<NodeName>,
    /// Its lease.
    pub lease: Option<Prefixes>,
    /// Where its mesh port is reached.
    pub endpoints: Endpoints,
    /// End of its certificate, since the Unix epoch.
    pub not_after: Duration,
    /// How often its certificate was renewed.
    pub renewals: u64,
    /// Its last sign of life.
    pub seen: Option<Seen>,
    /// What needs a look.
    pub alarm: Option<String>,
}

/// The cluster in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Nodes in the cluster.
    pub nodes: usize,
    /// Of these, heard of within a minute.
    pub nodes_alive: usize,
    /// Operators.
    pub operators: usize,
    /// Keys on the whitelist.
    pub whitelisted: usize,
    /// Tickets that can be used.
    pub tickets: usize,
    /// Leases in use.
    pub leases: usize,
    /// The newest revision.
    pub revision: Revision,
    /// The newest line of the audit log.
    pub audit: u64,
}

impl Registry {
    /// All members: nodes before operators, by name.
    pub fn members(&self) -> (Revision, Vec<MemberView>) {
        let state = self.state();
        let names = self.names();
        let mut all: Vec<_> = state
            .members
            .identities
            .iter()
            .map(|(id, stored)| state.member_view(*id, stored, names.seen(&stored.row.name)))
            .chain(state.expected())
            .collect();
        all.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        (state.revision, all)
    }

    /// The cluster in numbers.
    pub fn summary(&self, now: Duration) -> Summary {
        let state = self.state();
        let names = self.names();
        let active = state.members.identities.values().filter(|stored| stored.row.is_active());
        let (nodes, operators): (Vec<_>, Vec<_>) =
            active.partition(|stored| stored.row.role == Role::Node);
        let alive = |name: &NodeName| {
            names.seen(name).is_some_and(|seen| now.abs_diff(seen.at) < Duration::from_mins(1))
        };
        let usable = state.members.tickets.values().filter(|stored| {
            stored.row.uses_left > 0 && now < Duration::from_millis(stored.row.expires)
        });
        Summary {
            nodes_alive: nodes.iter().filter(|stored| alive(&stored.row.name)).count(),
            nodes: nodes.len(),
            operators: operators.len(),
            whitelisted: state.members.whitelist.len(),
            tickets: usable.count(),
            leases: state.leases.len(),
            revision: state.revision,
            audit: state.members.audit_head.as_ref().map_or(0, |head| head.row.seq),
        }
    }

    /// What members should be looked at for.
    pub fn alarms(&self) -> Vec<String> {
        let state = self.state();
        let alarming = state.members.identities.values().filter_map(|stored| {
            let IdentityRow { role, name, alarm, .. } = &stored.row;
            alarm.as_ref().map(|alarm| format!("{role} {name}: {alarm}"))
        });
        alarming.collect()
    }

    /// Up to `limit` lines of the audit log after number `after`, or the newest ones; and
    /// the number of the newest.
    pub fn audit_lines(&self, after: u64, limit: usize, newest: bool) -> (Vec<(u64, String)>, u64) {
        let head = self.state().members.audit_head.as_ref().map(|head| head.row.clone());
        let Some(head) = head else { return (Vec::new(), 0) };
        let count = u64::try_from(limit).unwrap_or(u64::MAX);
        let from = (after + 1).max(head.first);
        let from = if newest { from.max((head.seq + 1).saturating_sub(count)) } else { from };
        let to = head.seq.min(from.saturating_add(count).saturating_sub(1));
        let line = |seq: u64| {
            let record = self.store().get(&audit_key(seq))?;
            Some((seq, AuditRow::decode(&record.value).ok()?.line))
        };
        ((from..=to).filter_map(line).collect(), head.seq)
    }
}

impl State {
    fn member_view(
        &self,
        id: IdentityId,
        stored: &Stored<IdentityRow>,
        seen: Option<Seen>,
    ) -> MemberView {
        let row = &stored.row;
        let revoked = |at| MemberState::Revoked(Duration::from_millis(at), stored.revision);
        let node = row.role == Role::Node && row.is_active();
        let peer = self.peers.get(&row.name).filter(|_| node);
        MemberView {
            name: row.name.clone(),
            role: row.role,
            id: Some(id),
            state: row.revoked.map_or(MemberState::Active, revoked),
            joined_with: row.joined_with.to_string(),
            joined: Duration::from_millis(row.joined),
            mesh_key: row.mesh_key,
            groups: row.groups.clone(),
            lease: self.leases.get(&row.name).filter(|_| node).map(|lease| lease.row.prefixes),
            endpoints: peer.map(|peer| peer.row.endpoints.clone()).unwrap_or_default(),
            not_after: Duration::from_millis(row.not_after),
            renewals: row.counter.saturating_sub(1),
            seen: seen.filter(|_| node),
            alarm: row.alarm.clone(),
        }
    }

    fn expected(&self) -> impl Iterator<Item = MemberView> {
        let members = &self.members;
        let missing = members.whitelist.iter().filter(|(name, listed)| {
            members
                .by_name(Role::Node, name)
                .is_none_or(|(_, member)| member.row.mesh_key != Some(listed.row.mesh_key))
        });
        missing.map(|(name, listed)| MemberView {
            name: name.clone(),
            role: Role::Node,
            id: None,
            state: MemberState::Expected,
            joined_with: String::new(),
            joined: Duration::ZERO,
            mesh_key: Some(listed.row.mesh_key),
            groups: Vec::new(),
            lease: None,
            endpoints: Endpoints::default(),
            not_after: Duration::ZERO,
            renewals: 0,
            seen: None,
            alarm: None,
        })
    }
}
