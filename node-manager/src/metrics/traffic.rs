//! What passes through the links.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use wgcni_dataplane::{LinkName, Traffic};
use wgcni_model::NodeName;
use wgcni_store::Store;
use wgcni_telemetry::{Labels, Page};

use super::links::{self, Counters, Direction};
use super::{flag, number};
use crate::channel::now;
use crate::eye::Passed;
use crate::reconcile::Found;
use crate::rpc::Service;

/// Whether a session is still good: WireGuard's `REJECT_AFTER_TIME`.
const SESSION: Duration = Duration::from_mins(3);

/// How long a look at the links may take: less than a scrape.
const PATIENCE: Duration = Duration::from_secs(3);

/// A number of each direction.
type Count = fn(&Direction) -> u64;

/// Of mesh and hub as wholes.
pub(super) fn links(page: &mut Page) {
    let names = LinkName::ALL.map(LinkName::as_str);
    let counters = links::read(&names).unwrap_or_else(|error| {
        tracing::debug!(%error, "read the counters of the links");
        Vec::new()
    });
    let receive = |of: Count| rows(&counters, move |link| of(&link.receive));
    let transmit = |of: Count| rows(&counters, move |link| of(&link.transmit));
    let help = "Bytes that came in over a link, decrypted";
    page.counters("link_receive_bytes", help, receive(|d| d.bytes));
    let help = "Bytes that went out over a link, before encryption";
    page.counters("link_transmit_bytes", help, transmit(|d| d.bytes));
    let help = "Packets that came in over a link";
    page.counters("link_receive_packets", help, receive(|d| d.packets));
    let help = "Packets that went out over a link";
    page.counters("link_transmit_packets", help, transmit(|d| d.packets));
    let help = "Packets that a link dropped when they came in";
    page.counters("link_receive_dropped", help, receive(|d| d.drops));
    let help = "Packets that a link dropped when they were to go out";
    page.counters("link_transmit_dropped", help, transmit(|d| d.drops));
}

fn rows(counters: &[Counters], of: impl Fn(&Counters) -> u64) -> Vec<(Labels, u64)> {
    let row = |link: &Counters| (vec![("link", link.link.clone())], of(link));
    counters.iter().map(row).collect()
}

/// What a look found. Links that do not answer must not take the rest of the page with them.
async fn in_time(look: impl Future<Output = Result<Passed, Arc<str>>>) -> Option<Passed> {
    match timeout(PATIENCE, look).await {
        Ok(Ok(passed)) => return Some(passed),
        Ok(Err(error)) => tracing::debug!(%error, "look at the links"),
        Err(_) => tracing::debug!("the links do not answer in time"),
    }
    None
}

/// Of the other nodes; one by one where there are at most so many.
pub(super) async fn peers<S: Store>(
    page: &mut Page,
    service: &Service<S>,
    found: &Found,
    most: usize,
) {
    let membership = service.membership.borrow().clone();
    let own = service.channel.node();
    let others = membership.iter().flat_map(|m| m.peers.peers.values());
    let others: Vec<_> = others.filter(|peer| peer.node != *own).collect();
    page.gauge("peers", "Other nodes", number(others.len()));
    let help = "Nodes to which packets go and from which nothing comes";
    page.gauge("silent_peers", help, number(found.silent.len()));
    let Some(passed) = in_time(service.eye.mesh()).await else { return };
    let seen: Vec<(&NodeName, Traffic)> =
        others.iter().filter_map(|peer| Some((&peer.node, *passed.get(&peer.mesh_key)?))).collect();
    let fresh = |(_, t): &&(_, Traffic)| t.handshake.is_some_and(|age| age < SESSION);
    let help = "Nodes with a session: a handshake in the last 180 s";
    page.gauge("peers_with_session", help, number(seen.iter().filter(fresh).count()));
    if others.len() <= most {
        each(page, &seen, found);
    }
}

fn each(page: &mut Page, seen: &[(&NodeName, Traffic)], found: &Found) {
    let of = |node: &NodeName| -> Labels { vec![("node", node.to_string())] };
    let count = |count: fn(&Traffic) -> u64| {
        seen.iter().map(move |(node, traffic)| (of(node), count(traffic)))
    };
    let help = "Encrypted bytes from a node";
    page.counters("peer_receive_bytes", help, count(|t| t.received));
    let help = "Encrypted bytes to a node";
    page.counters("peer_transmit_bytes", help, count(|t| t.sent));
    let now = now();
    let shaken = seen.iter().filter_map(|(node, traffic)| {
        let at = now.saturating_sub(traffic.handshake?);
        Some((of(node), at.as_secs_f64().round()))
    });
    let help = "Last handshake with a node, since the Unix epoch";
    page.gauges("peer_last_handshake_timestamp_seconds", help, shaken);
    let silent: BTreeSet<_> = found.silent.iter().map(|silent| &silent.node).collect();
    let rows = seen.iter().map(|(node, _)| (of(node), flag(silent.contains(node))));
    let help = "Whether packets go to a node and nothing comes from it";
    page.gauges("peer_silent", help, rows);
}

/// Of each container.
pub(super) async fn containers<S: Store>(page: &mut Page, service: &Service<S>) {
    let records = service.attachments.records();
    let keys = records.iter().map(|record| record.public_key).collect();
    let Some(passed) = in_time(service.eye.hub(keys)).await else { return };
    let count = |count: fn(&Traffic) -> u64| {
        let row = |record: &crate::attachments::Record| {
            let labels = vec![
                ("network", record.key.network.to_string()),
                ("container", record.key.container_id.to_string()),
                ("ifname", record.key.ifname.to_string()),
            ];
            Some((labels, count(passed.get(&record.public_key)?)))
        };
        records.iter().filter_map(row).collect::<Vec<_>>()
    };
    let help = "Encrypted bytes from a container";
    page.counters("container_receive_bytes", help, count(|t| t.received));
    let help = "Encrypted bytes to a container";
    page.counters("container_transmit_bytes", help, count(|t| t.sent));
}
