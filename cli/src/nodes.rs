//! `wgcni nodes`: one table of all nodes.

use std::time::Duration;

use serde::Serialize;
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role;
use wgcni_api::view::Reported;
use wgcni_model::NodeName;

use crate::Failure;
use crate::member::{self, Member};
use crate::out::Out;
use crate::reach::Reach;
use crate::table::Table;
use crate::told::{Told, told};

/// A node for programs.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    member: Member,
    alive: bool,
    attachments: Option<u64>,
    free_addresses: Option<u64>,
    peers_up: Option<u64>,
    peers: Option<u64>,
    /// How far the peers that it holds are behind those of the node that is furthest.
    revisions_behind: Option<u64>,
    version: Option<String>,
    wireguard: Option<String>,
    ready: Option<bool>,
    told_seconds_ago: Option<u64>,
    wrong: Vec<String>,
}

#[derive(Serialize)]
struct Nodes {
    nodes: Vec<Row>,
}

/// Lists all nodes: members, keys on the whitelist, and what each told last.
pub(crate) async fn nodes(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let members = member::list(reach, Role::ROLE_NODE).await?;
    let told = told(reach, false).await?.unwrap_or_default();
    if members.is_empty() {
        out.note("no nodes; `wgcni ticket create` lets one join");
    }
    let rows = rows(&members, &told, out.now);
    let table = table(&rows, &members, out.now);
    out.show(&Nodes { nodes: rows }, table)
}

fn rows(members: &[wire::Member], told: &Told, now: Duration) -> Vec<Row> {
    let active = members.iter().filter(|member| member::state(member) == "active");
    let furthest = active.map(|member| member.applied_revision).max().unwrap_or_default();
    let row = |member: &wire::Member| {
        let name = member.name.parse::<NodeName>().ok();
        let reported = name.and_then(|name| told.get(&name));
        row(member, reported, furthest, now)
    };
    members.iter().map(row).collect()
}

fn row(member: &wire::Member, told: Option<&Reported>, furthest: u64, now: Duration) -> Row {
    let active = member::state(member) == "active";
    let report = told.map(|told| &told.report);
    let applied = member.applied_revision;
    Row {
        member: Member::from(member),
        alive: member::is_alive(member, now),
        attachments: report.map(|report| report.attachments),
        free_addresses: report.map(|report| report.free),
        peers_up: report.map(|report| report.peers_up),
        peers: report.map(|report| report.peers),
        revisions_behind: (active && applied > 0).then(|| furthest.saturating_sub(applied)),
        version: report.map(|report| report.version.as_str().to_owned()),
        wireguard: report.map(|report| report.kind.to_string()),
        ready: report.map(|report| report.ready),
        told_seconds_ago: told.map(|told| told.age.as_secs()),
        wrong: wrong(member, told, now),
    }
}

/// What is wrong with a node, the worst first; nothing with one that is not in the cluster.
pub(crate) fn wrong(member: &wire::Member, told: Option<&Reported>, now: Duration) -> Vec<String> {
    let mut wrong: Vec<String> =
        Some(member.alarm.clone()).filter(|a| !a.is_empty()).into_iter().collect();
    if member::state(member) != "active" {
        return wrong;
    }
    if !member::is_alive(member, now) {
        wrong.push(match member::seen(member, now) {
            seen if seen.is_empty() => "not heard of".to_owned(),
            seen => format!("last heard of {seen}"),
        });
    }
    if let Some(told) = told {
        if !told.report.ready {
            wrong.push("not ready".to_owned());
        }
        wrong.extend(told.report.reasons.iter().map(|reason| reason.as_str().to_owned()));
    }
    wrong
}

fn table(rows: &[Row], members: &[wire::Member], now: Duration) -> Table {
    let mut table = Table::new(&[
        "NAME",
        "STATE",
        "SEEN",
        "LEASE",
        "ENDPOINT",
        "ATTACHMENTS",
        "FREE",
        "PEERS UP",
        "BEHIND",
        "VERSION",
        "WRONG",
    ]);
    let text = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    for (row, member) in rows.iter().zip(members) {
        let up = row.peers_up.zip(row.peers).map(|(up, all)| format!("{up}/{all}"));
        table.row([
            member.name.clone(),
            member::state(member).to_owned(),
            member::seen(member, now),
            member.lease.join(","),
            member.endpoints.join(","),
            text(row.attachments),
            text(row.free_addresses),
            up.unwrap_or_default(),
            text(row.revisions_behind),
            row.version.clone().unwrap_or_default(),
            row.wrong.join("; "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, applied_revision: u64, seen: u64) -> wire::Member {
        wire::Member {
            name: name.to_owned(),
            state: wire::MemberState::MEMBER_STATE_ACTIVE.into(),
            applied_revision,
            last_seen_unix_ms: seen,
            ..wire::Member::default()
        }
    }

    #[test]
    fn ten_thousand_nodes_are_a_table_and_the_dead_and_late_ones_stand_out() {
        let now = Duration::from_secs(1_000_000);
        let seen = |n: u64| if n == 7 { 900_000_000 } else { 999_990_000 };
        let members: Vec<_> =
            (0..10_000).map(|n| member(&format!("node-{n:05}"), 40 + n / 9_999, seen(n))).collect();
        let rows = rows(&members, &Told::new(), now);
        assert_eq!(rows.iter().filter(|row| !row.alive).count(), 1);
        assert_eq!((rows[0].revisions_behind, rows[9_999].revisions_behind), (Some(1), Some(0)));
        let text = table(&rows, &members, now).to_string();
        assert_eq!(text.lines().count(), 10_001);
        assert!(text.lines().nth(8).is_some_and(|line| line.ends_with("last heard of 27 h ago")));
    }
}
