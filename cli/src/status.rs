//! `wgcni status`: the cluster, and the node of this machine, whichever there are.

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use wgcni_api::admin_v1 as wire;
use wgcni_api::node_v1;

use crate::args::ReachArgs;
use crate::nearby::Nearby;
use crate::out::Out;
use crate::reach::Reach;
use crate::table::{Facts, clean};
use crate::told::told;
use crate::{Failure, times};

/// What is said first where it is so.
const PLAINTEXT: &str =
    "the control channel is plaintext: anybody on the path reads and changes it";

/// Most nodes that are named because of what they told.
const NAMED: usize = 10;

/// What the answer is for
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Exit with 1 when anything is wrong
    #[arg(long)]
    check: bool,
}

#[derive(Serialize)]
struct Status {
    alarms: Vec<String>,
    /// Every key is there, and null, where no cluster is known here.
    #[serde(flatten)]
    cluster: Value,
    node: Option<Node>,
}

#[derive(Serialize, Default)]
struct Summary {
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
    /// For nodes on the whitelist; there is no secret in it.
    join: Option<String>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    ready: bool,
    reasons: Vec<String>,
    version: String,
    cluster_id: Option<String>,
    lease: Vec<String>,
    wireguard: &'static str,
    attachments: u64,
    free_addresses: u64,
    peers: u64,
    applied_revision: u64,
    cluster_manager_connected: bool,
    channel: String,
    certificate_expires: Option<String>,
}

impl StatusArgs {
    /// Shows how it is, as far as anybody answers.
    pub async fn run(self, at: &ReachArgs, out: &mut Out) -> Result<(), Failure> {
        let nearby = Nearby::new(at);
        if !nearby.is_there() {
            let cluster = cluster(&Reach::new(at).await?, out).await?;
            return self.show(Some(cluster), None, Vec::new(), out);
        }
        let reach = Reach::find(at).await;
        let cluster = match reach {
            Ok(None) => Ok(None),
            Ok(Some(reach)) => cluster(&reach, out).await.map(Some),
            Err(failure) => Err(failure),
        };
        let node = nearby.status().await;
        let mut failures = Vec::new();
        let node = node.map_err(|failure| failures.push(failure)).ok();
        let cluster = cluster.map_err(|failure| failures.push(failure)).ok().flatten();
        if cluster.is_none() && failures.is_empty() {
            out.note("the cluster is not asked: not logged in (`wgcni login`)");
        }
        if let (None, None) = (&cluster, &node) {
            let said: Vec<_> = failures.iter().map(|failure| failure.text.as_str()).collect();
            let exit = failures.last().map_or(1, |failure| failure.exit);
            return Err(Failure { exit, text: said.join("\nwgcni: ") });
        }
        self.show(cluster, node, failures, out)
    }

    fn show(
        &self,
        cluster: Option<(Vec<String>, Summary, Facts)>,
        node: Option<node_v1::StatusResponse>,
        failures: Vec<Failure>,
        out: &mut Out,
    ) -> Result<(), Failure> {
        let mut alarms: Vec<String> = failures.iter().map(|f| f.text.clone()).collect();
        let (facts, cluster) = match cluster {
            None => (String::new(), nulls(Summary::default())?),
            Some((wrong, cluster, facts)) => {
                alarms.extend(wrong);
                (format!("\n{facts}"), serde_json::to_value(cluster).map_err(|e| bad(&e))?)
            }
        };
        let of_node = node.as_ref().map(|node| format!("\n{}", of_node(node, out)));
        let node = node.map(Node::from);
        if let Some(node) = &node {
            let not_ready = (!node.ready).then(|| "not ready".to_owned());
            let reasons = not_ready.iter().chain(&node.reasons);
            alarms.extend(reasons.map(|reason| format!("this node, {}: {reason}", node.name)));
        }
        let mut wrong: Vec<_> =
            alarms.iter().map(|alarm| format!("ALARM: {}", clean(alarm))).collect();
        if wrong.is_empty() {
            wrong.push("nothing is wrong".to_owned());
        }
        let text = format!("{}\n{facts}{}", wrong.join("\n"), of_node.unwrap_or_default());
        let is_wrong = !alarms.is_empty();
        out.show(&Status { alarms, cluster, node }, text)?;
        match failures.into_iter().next() {
            // It is said above.
            Some(failure) => Err(Failure { text: String::new(), ..failure }),
            None if self.check && is_wrong => Err(Failure::failed("")),
            None => Ok(()),
        }
    }
}

/// The same keys, all null.
fn nulls(of: impl Serialize) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(of).map_err(|error| bad(&error))?;
    value
        .as_object_mut()
        .into_iter()
        .flat_map(|map| map.values_mut())
        .for_each(|v| *v = Value::Null);
    Ok(value)
}

fn bad(error: &serde_json::Error) -> Failure {
    Failure::failed(format!("write the result: {error}"))
}

/// What is wrong with the cluster, and what it is.
async fn cluster(reach: &Reach, out: &Out) -> Result<(Vec<String>, Summary, Facts), Failure> {
    let answer = reach.cluster.admin.status(wire::StatusRequest::default()).await;
    let answer = reach.answer(answer)?.into_owned();
    let (started, ca) = (answer.started_unix_ms, answer.ca_expires_unix_ms);
    let mut alarms = answer.alarms;
    let told = alarms.iter().any(|alarm| alarm.contains("plaintext"));
    if answer.insecure_plaintext && !told {
        alarms.insert(0, PLAINTEXT.to_owned());
    }
    alarms.extend(of_nodes(reach).await?);
    let cluster = Summary {
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
        join: Some(answer.join).filter(|join| !join.is_empty()),
    };
    let (started, ca) = (times::both(started, out.now), times::both(ca, out.now));
    let facts = facts(&cluster, &started, &ca);
    Ok((alarms, cluster, facts))
}

/// What nodes told that is wrong with them.
async fn of_nodes(reach: &Reach) -> Result<Vec<String>, Failure> {
    let told = told(reach, false).await?.unwrap_or_default();
    let wrong = |report: &wgcni_api::view::Report| {
        let not_ready = (!report.ready).then(|| "not ready".to_owned());
        let reasons = report.reasons.iter().map(|reason| reason.as_str().to_owned());
        let all: Vec<_> = not_ready.into_iter().chain(reasons).collect();
        (!all.is_empty()).then(|| format!("node {}: {}", report.node, all.join("; ")))
    };
    let mut all: Vec<_> = told.values().filter_map(|told| wrong(&told.report)).collect();
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    if more > 0 {
        all.push(format!("{more} more nodes: `wgcni nodes` shows them"));
    }
    Ok(all)
}

fn facts(status: &Summary, started: &str, ca: &str) -> Facts {
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

fn kind(status: &node_v1::StatusResponse) -> &'static str {
    match status.wireguard_kind.as_known() {
        Some(node_v1::WireguardKind::WIREGUARD_KIND_KERNEL) => "kernel",
        Some(node_v1::WireguardKind::WIREGUARD_KIND_USERSPACE) => "userspace",
        _ => "unknown",
    }
}

impl From<node_v1::StatusResponse> for Node {
    fn from(status: node_v1::StatusResponse) -> Self {
        Self {
            wireguard: kind(&status),
            name: status.node,
            ready: status.ready,
            reasons: status.reasons,
            version: status.version,
            cluster_id: Some(status.cluster_id).filter(|id| !id.is_empty()),
            lease: status.lease,
            attachments: status.attachments,
            free_addresses: status.free_addresses,
            peers: status.peers,
            applied_revision: status.applied_revision,
            cluster_manager_connected: status.cluster_manager_connected,
            channel: status.channel,
            certificate_expires: times::rfc3339(status.certificate_expires_unix_ms),
        }
    }
}

fn of_node(status: &node_v1::StatusResponse, out: &Out) -> Facts {
    let mut facts = Facts::new();
    let ready = if status.ready { "ready" } else { "not ready" };
    facts.fact("this node", format!("{}, {ready}", status.node));
    facts.fact("cluster of the node", &status.cluster_id);
    facts.fact("lease", status.lease.join(", "));
    let (attachments, free) = (status.attachments, status.free_addresses);
    facts.fact("attachments", format!("{attachments}, {free} addresses free"));
    facts.fact("peers", status.peers.to_string());
    facts.fact("applied revision", status.applied_revision.to_string());
    let stream = if status.cluster_manager_connected { "up" } else { "down" };
    facts.fact("stream of peers", format!("{stream}, {}", status.channel));
    if status.certificate_expires_unix_ms != 0 {
        let end = times::both(status.certificate_expires_unix_ms, out.now);
        facts.fact("certificate until", end);
    }
    facts.fact("node-manager", format!("{}, WireGuard in {}", status.version, place(kind(status))));
    facts
}

fn place(kind: &str) -> String {
    match kind {
        "kernel" => "the kernel".to_owned(),
        other => other.to_owned(),
    }
}
