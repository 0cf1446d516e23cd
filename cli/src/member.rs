//! Members, as nodes and operators have them in common.

use std::time::Duration;

use serde::Serialize;
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role;
use wgcni_model::{NodeName, PublicKey};

use crate::out::Out;
use crate::reach::Reach;
use crate::table::{Facts, clean};
use crate::ticket::role;
use crate::{Failure, times};

/// A member for programs.
#[derive(Serialize)]
pub(crate) struct Member {
    pub name: String,
    pub role: &'static str,
    pub state: &'static str,
    pub identity_id: Option<String>,
    pub joined_with: Option<String>,
    pub joined: Option<String>,
    pub mesh_public_key: Option<String>,
    pub groups: Vec<String>,
    pub lease: Vec<String>,
    pub endpoints: Vec<String>,
    pub certificate_expires: Option<String>,
    pub renewals: u64,
    pub last_seen: Option<String>,
    pub applied_revision: u64,
    pub alarm: Option<String>,
    pub revoked: Option<String>,
    pub revoked_revision: Option<u64>,
}

impl From<&wire::Member> for Member {
    fn from(member: &wire::Member) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let key = PublicKey::from_bytes(&member.mesh_public_key).ok();
        Self {
            name: member.name.clone(),
            role: role(member.role.as_known()),
            state: state(member),
            identity_id: some(&member.identity_id),
            joined_with: some(&member.joined_with),
            joined: times::rfc3339(member.joined_unix_ms),
            mesh_public_key: key.map(|key| key.to_string()),
            groups: member.groups.clone(),
            lease: member.lease.clone(),
            endpoints: member.endpoints.clone(),
            certificate_expires: times::rfc3339(member.certificate_expires_unix_ms),
            renewals: member.renewals,
            last_seen: times::rfc3339(member.last_seen_unix_ms),
            applied_revision: member.applied_revision,
            alarm: some(&member.alarm),
            revoked: times::rfc3339(member.revoked_unix_ms),
            revoked_revision: (member.revoked_revision != 0).then_some(member.revoked_revision),
        }
    }
}

pub(crate) fn state(member: &wire::Member) -> &'static str {
    match member.state.as_known() {
        Some(wire::MemberState::MEMBER_STATE_EXPECTED) => "expected",
        Some(wire::MemberState::MEMBER_STATE_ACTIVE) => "active",
        Some(wire::MemberState::MEMBER_STATE_REVOKED) => "revoked",
        _ => "unknown",
    }
}

/// When a member was heard of; empty: not since the cluster-manager started.
pub(crate) fn seen(member: &wire::Member, now: Duration) -> String {
    match member.last_seen_unix_ms {
        0 => String::new(),
        seen => times::relative(seen, now),
    }
}

/// Members that were heard of so short a time ago are alive.
const ALIVE: Duration = Duration::from_mins(1);

/// Whether an active member was heard of a short time ago.
pub(crate) fn is_alive(member: &wire::Member, now: Duration) -> bool {
    let seen = Duration::from_millis(member.last_seen_unix_ms);
    state(member) == "active" && now.abs_diff(seen) < ALIVE
}

/// All members of a role.
pub(crate) async fn list(reach: &Reach, of: Role) -> Result<Vec<wire::Member>, Failure> {
    let answer = reach.cluster.admin.list_members(wire::ListMembersRequest::default()).await;
    let mut members = reach.answer(answer)?.into_owned().members;
    members.retain(|member| member.role.as_known() == Some(of));
    Ok(members)
}

/// Everything about a member, what is wrong first.
pub(crate) fn facts(member: &wire::Member, now: Duration) -> Facts {
    let shown = Member::from(member);
    let mut facts = Facts::new();
    facts.fact("ALARM", &member.alarm);
    facts.fact("name", &member.name);
    facts.fact("state", shown.state);
    if member.revoked_unix_ms != 0 {
        facts.fact("revoked", times::both(member.revoked_unix_ms, now));
        facts.fact("revoked at revision", member.revoked_revision.to_string());
    }
    facts.fact("identity", &member.identity_id);
    if member.joined_unix_ms != 0 {
        let joined = times::both(member.joined_unix_ms, now);
        facts.fact("joined", format!("{joined} with {}", member.joined_with));
    }
    facts.fact("mesh public key", shown.mesh_public_key.unwrap_or_default());
    facts.fact("groups", member.groups.join(", "));
    facts.fact("lease", member.lease.join(", "));
    facts.fact("endpoints", member.endpoints.join(", "));
    if member.certificate_expires_unix_ms != 0 {
        let end = times::both(member.certificate_expires_unix_ms, now);
        facts.fact("certificate until", format!("{end}, renewed {} times", member.renewals));
    }
    facts.fact("last seen", seen(member, now));
    if member.applied_revision != 0 {
        facts.fact("applied revision", member.applied_revision.to_string());
    }
    facts
}

/// What a revocation or removal came to.
#[derive(Serialize)]
struct Ended<'a> {
    name: &'a NodeName,
    done: &'static str,
    revision: u64,
}

/// Revokes a member: the revision at which it is out.
pub(crate) async fn revoke(
    reach: &Reach,
    (role, name): (Role, &NodeName),
    reason: Option<String>,
) -> Result<u64, Failure> {
    let request = wire::RevokeMemberRequest {
        name: name.to_string(),
        role: role.into(),
        reason: reason.unwrap_or_default(),
        ..wire::RevokeMemberRequest::default()
    };
    let answer = reach.answer(reach.cluster.admin.revoke_member(request).await)?;
    Ok(answer.into_owned().revision)
}

/// Removes a member: the revision at which it is out.
pub(crate) async fn remove(reach: &Reach, (role, name): (Role, &NodeName)) -> Result<u64, Failure> {
    let request = wire::RemoveMemberRequest {
        name: name.to_string(),
        role: role.into(),
        ..wire::RemoveMemberRequest::default()
    };
    let answer = reach.answer(reach.cluster.admin.remove_member(request).await)?;
    Ok(answer.into_owned().revision)
}

/// Says that a member is out.
pub(crate) fn ended(
    name: &NodeName,
    done: &'static str,
    revision: u64,
    out: &mut Out,
) -> Result<(), Failure> {
    let text = clean(&format!("{name} {done} at revision {revision}"));
    out.show(&Ended { name, done, revision }, format!("{text}\n"))
}
