//! `wgcni status`.

use serde::Serialize;
use wgcni_api::admin_v1 as wire;

use crate::out::Out;
use crate::reach::Reach;
use crate::table::{Facts, clean};
use crate::{Failure, times};

/// What is said first where it is so.
const PLAINTEXT: &str =
    "the control channel is plaintext: anybody on the path reads and changes it";

#[derive(Serialize)]
struct Status {
    alarms: Vec<String>,
    version: String,
    cluster_id: String,
    prefixes: Vec<String>,
    insecure_plaintext: bool,
    nodes: u64,
    nodes_alive: u64,
    operators: u64,
    whitelisted: u64,
    tickets: u64,
    leases: u64,
    revision: u64,
    started: Option<String>,
    ca_expires: Option<String>,
    audit_sequence: u64,
}

/// Shows how the cluster is.
pub(crate) async fn status(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let answer = reach.cluster.admin.status(wire::StatusRequest::default()).await;
    let answer = reach.answer(answer)?.into_owned();
    let (started, ca) = (answer.started_unix_ms, answer.ca_expires_unix_ms);
    let mut status = Status {
        alarms: answer.alarms,
        version: answer.version,
        cluster_id: answer.cluster_id,
        prefixes: answer.prefixes,
        insecure_plaintext: answer.insecure_plaintext,
        nodes: answer.nodes,
        nodes_alive: answer.nodes_alive,
        operators: answer.operators,
        whitelisted: answer.whitelisted,
        tickets: answer.tickets,
        leases: answer.leases,
        revision: answer.revision,
        started: times::rfc3339(started),
        ca_expires: times::rfc3339(ca),
        audit_sequence: answer.audit_sequence,
    };
    let told = status.alarms.iter().any(|alarm| alarm.contains("plaintext"));
    if status.insecure_plaintext && !told {
        status.alarms.insert(0, PLAINTEXT.to_owned());
    }
    let mut wrong: Vec<_> =
        status.alarms.iter().map(|alarm| format!("ALARM: {}", clean(alarm))).collect();
    if wrong.is_empty() {
        wrong.push("nothing is wrong".to_owned());
    }
    let (started, ca) = (times::both(started, out.now), times::both(ca, out.now));
    let text = format!("{}\n\n{}", wrong.join("\n"), facts(&status, &started, &ca));
    out.show(&status, text)
}

fn facts(status: &Status, started: &str, ca: &str) -> Facts {
    let mut facts = Facts::new();
    facts.fact("cluster", &status.cluster_id);
    facts.fact("prefixes", status.prefixes.join(", "));
    facts.fact("nodes", format!("{}, {} of them alive", status.nodes, status.nodes_alive));
    facts.fact("leases", status.leases.to_string());
    facts.fact("operators", status.operators.to_string());
    facts.fact("tickets to be used", status.tickets.to_string());
    facts.fact("whitelisted", status.whitelisted.to_string());
    facts.fact("revision", status.revision.to_string());
    facts.fact("audit log", format!("{} lines", status.audit_sequence));
    facts.fact("CA until", ca);
    facts.fact("cluster-manager", format!("{}, started {started}", status.version));
    facts
}
