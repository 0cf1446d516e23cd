//! What Status says: whether Attach can work now, and what is not as it should be.

use std::time::{Duration, UNIX_EPOCH};

use wgcni_api::node_v1 as wire;
use wgcni_ipam::Usage;
use wgcni_store::Store;

use crate::membership::Membership;
use crate::reconcile::{Applied, Found, SilentNode, Stage};
use crate::rpc::Service;

/// Most silent nodes that are listed, and that are named in one reason.
const LISTED: usize = 100;
const NAMED: usize = 3;

/// How the node is.
pub fn status<S: Store>(service: &Service<S>) -> wire::StatusResponse {
    let applied = service.reconciler.subscribe().borrow().clone();
    let found = service.findings.get();
    let (attachments, resting, usage) = service.attachments.usage();
    let blocked = blocked(service, &applied, &usage);
    let degraded = degraded(service, &applied, &found);
    let free = usage.iter().map(|u| u.capacity.saturating_sub(u.used + u.resting)).min();
    let membership = service.membership.borrow();
    let lease = membership.iter().flat_map(|m| m.lease.prefixes.iter());
    let cluster = membership.as_ref().map(|m| m.cluster.id.clone());
    let cluster = cluster.or_else(|| service.channel.cluster());
    let repairs = found.repairs.iter().map(|(kind, n)| (kind.to_string(), *n));
    wire::StatusResponse {
        ready: blocked.is_empty(),
        reasons: [insecure(service), blocked, degraded].concat(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: service.channel.node().to_string(),
        lease: lease.map(|prefix| prefix.to_string()).collect(),
        wireguard_kind: wire::WireguardKind::from(service.about.kind).into(),
        attachments: attachments as u64,
        free_addresses: free.unwrap_or_default(),
        peers: membership.as_ref().map_or(0, |m| others(m) as u64),
        applied_revision: applied.revision.0,
        cluster_manager_connected: service.link.borrow().connected,
        repairs: repairs.collect(),
        reclaimed: service.reclaimer.taken(),
        resting_addresses: resting as u64,
        channel: service.channel.label().to_owned(),
        certificate_expires_unix_ms: service.channel.certified_until().map_or(0, millis),
        cluster_id: cluster.map(|id| id.to_string()).unwrap_or_default(),
        silent_peers: found.silent.iter().take(LISTED).map(silent).collect(),
        ..Default::default()
    }
}

/// What is weaker than it could be, before everything else.
fn insecure<S: Store>(service: &Service<S>) -> Vec<String> {
    let why = "insecure plaintext: everything to and from the cluster-manager can be read and \
               changed on the way; join the cluster instead";
    service.channel.is_plaintext().then(|| why.to_owned()).into_iter().collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Why Attach cannot work now.
fn blocked<S: Store>(service: &Service<S>, applied: &Applied, usage: &[Usage]) -> Vec<String> {
    let mut blocked = Vec::new();
    if service.membership.borrow().is_none() {
        blocked.push("no lease yet".to_owned());
    } else if !applied.ready {
        blocked.push("the host is not ready yet".to_owned());
    }
    if let Some(full) = usage.iter().find(|u| u.used + u.resting >= u.capacity) {
        blocked.push(format!("no free {} address: {full}", full.prefix.family()));
    }
    blocked
}

/// Why the node is not all that it should be.
fn degraded<S: Store>(service: &Service<S>, applied: &Applied, found: &Found) -> Vec<String> {
    let link = service.link.borrow();
    let mut reasons: Vec<String> = Vec::new();
    if link.refused {
        let why = "revoked or refused by the cluster-manager: ask the operator";
        reasons.push(why.to_owned());
    }
    reasons.extend(link.certificate.iter().map(ToString::to_string));
    reasons.extend(applied.failure.iter().map(|f| f.reason.to_string()));
    reasons.extend(link.registration.iter().map(|r| format!("not registered: {r}")));
    reasons.extend(link.peers.iter().map(|r| format!("peers refused: {r}")));
    reasons.extend(link.kept.iter().map(ToString::to_string));
    if !link.connected {
        reasons.push("no stream of peers from the cluster-manager".to_owned());
    }
    reasons.extend(found.tunnels.iter().map(ToString::to_string));
    reasons.extend(silence(&found.silent));
    reasons.into_iter().map(|reason| format!("degraded: {reason}")).collect()
}

/// One reason, however many are silent.
fn silence(silent: &[SilentNode]) -> Option<String> {
    let names: Vec<_> = silent.iter().take(NAMED).map(|s| s.node.to_string()).collect();
    let more = silent.len().saturating_sub(NAMED);
    match (names.join(", "), more) {
        (names, _) if names.is_empty() => None,
        (names, 0) => Some(format!("silent: {names}")),
        (names, more) => Some(format!("silent: {names} and {more} more")),
    }
}

fn silent(silent: &SilentNode) -> wire::SilentPeer {
    let stage = match silent.stage {
        Stage::Endpoint => wire::RepairStage::REPAIR_STAGE_ENDPOINT,
        Stage::Peer => wire::RepairStage::REPAIR_STAGE_PEER,
    };
    let since = silent.since.duration_since(UNIX_EPOCH).unwrap_or_default();
    wire::SilentPeer {
        node: silent.node.to_string(),
        endpoint: silent.endpoint.map(|e| e.to_string()).unwrap_or_default(),
        since_unix_ms: millis(since),
        stage: stage.into(),
        ..Default::default()
    }
}

fn others(membership: &Membership) -> usize {
    let peers = &membership.peers.peers;
    peers.len() - usize::from(peers.contains_key(&membership.lease.node))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn silent_nodes_are_one_reason() {
        let named = |names: &[&str]| {
            let node = |name: &&str| SilentNode {
                node: name.parse().unwrap(),
                endpoint: None,
                since: UNIX_EPOCH,
                stage: Stage::Peer,
            };
            silence(&names.iter().map(node).collect::<Vec<_>>())
        };
        assert_eq!(named(&[]), None);
        assert_eq!(named(&["ash", "elm"]).unwrap(), "silent: ash, elm");
        assert_eq!(named(&["a", "b", "c", "d", "e"]).unwrap(), "silent: a, b, c and 2 more");
    }
}
