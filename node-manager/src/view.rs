//! `ViewService`: what passes through the node's links, for whoever looks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::node_service::ViewService;
use wgcni_api::node_v1 as wire;
use wgcni_api::view::{Attachment, PeerSeen, Traffic};
use wgcni_model::{AttachmentKey, Field, FieldError, NodeName, Peer};
use wgcni_store::Store;

use crate::attachments::Record;
use crate::errors::RpcError;
use crate::eye::Passed;
use crate::reconcile::SilentNode;
use crate::rpc::Service;

/// Most attachments and peers of one answer: it stays below the 4 MiB that a client reads.
const ATTACHMENTS: usize = 500;
const PEERS: usize = 5_000;

/// Looks at a node.
pub(crate) struct Views<S>(pub Arc<Service<S>>);

// Concrete answers instead of the trait's opaque ones: nobody else implements it here.
#[allow(refining_impl_trait)]
impl<S: Store> ViewService for Views<S> {
    async fn list_attachments(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListAttachmentsRequest>,
    ) -> ServiceResult<wire::ListAttachmentsResponse> {
        let mut request = request.to_owned_message();
        let after = request.after.take().map(AttachmentKey::try_from).transpose();
        let after = after.map_err(|e| RpcError::from(e.inside("after")).to_connect())?;
        let all = self.0.attachments.records();
        let limit = limit(request.limit, ATTACHMENTS);
        let (records, more) = page(all, |record| &record.key, after.as_ref(), limit);
        let keys = records.iter().map(|record| record.public_key).collect();
        let (passed, trouble) = told(self.0.eye.hub(keys).await);
        let view = |record: Record| wire::AttachmentView::from(&attachment(record, &passed));
        let attachments = records.into_iter().map(view).collect();
        let more = wire::ListAttachmentsResponse { more, trouble, ..Default::default() };
        Response::ok(wire::ListAttachmentsResponse { attachments, ..more })
    }

    async fn list_peers(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListPeersRequest>,
    ) -> ServiceResult<wire::ListPeersResponse> {
        let after = parse_after(request.after).map_err(|e| RpcError::from(e).to_connect())?;
        let limit = limit(request.limit, PEERS);
        let (peers, more) = page(self.0.others(), |peer| &peer.node, after.as_ref(), limit);
        let (passed, trouble) = told(self.0.eye.mesh().await);
        let silent = self.0.silent(SystemTime::now());
        let view = |peer: Peer| wire::PeerView::from(&seen(peer, &passed, &silent));
        let node = self.0.channel.node().to_string();
        let peers = peers.into_iter().map(view).collect();
        let more = wire::ListPeersResponse { node, more, trouble, ..Default::default() };
        Response::ok(wire::ListPeersResponse { peers, ..more })
    }
}

impl<S: Store> Service<S> {
    /// The other nodes of the mesh.
    pub(crate) fn others(&self) -> Vec<Peer> {
        let membership = self.membership.borrow();
        let peers = membership.iter().flat_map(|m| m.peers.peers.values());
        peers.filter(|peer| peer.node != *self.channel.node()).cloned().collect()
    }

    /// For how long nodes answer nothing.
    pub(crate) fn silent(&self, now: SystemTime) -> HashMap<NodeName, Duration> {
        let for_how_long = |silent: SilentNode| {
            (silent.node, now.duration_since(silent.since).unwrap_or_default())
        };
        self.findings.get().silent.into_iter().map(for_how_long).collect()
    }
}

fn parse_after(text: &str) -> Result<Option<NodeName>, FieldError> {
    (!text.is_empty()).then(|| text.parse()).transpose().field("after")
}

fn limit(asked: u32, most: usize) -> usize {
    match usize::try_from(asked).unwrap_or(most) {
        0 => most,
        asked => asked.min(most),
    }
}

/// The first `limit` after `after`, and whether there are more.
fn page<T, K: Ord>(
    mut all: Vec<T>,
    key: impl Fn(&T) -> &K,
    after: Option<&K>,
    limit: usize,
) -> (Vec<T>, bool) {
    all.retain(|item| after.is_none_or(|after| key(item) > after));
    all.sort_by(|a, b| key(a).cmp(key(b)));
    let more = all.len() > limit;
    all.truncate(limit);
    (all, more)
}

/// What passed, and why that is not known.
fn told(looked: Result<Passed, Arc<str>>) -> (Passed, String) {
    match looked {
        Ok(passed) => (passed, String::new()),
        Err(trouble) => (Passed::new(), trouble.to_string()),
    }
}

fn attachment(record: Record, passed: &Passed) -> Attachment {
    Attachment {
        namespace: record.namespace(),
        traffic: passed.get(&record.public_key).map(traffic),
        key: record.key,
        addresses: record.addresses,
        public_key: record.public_key,
        made: Duration::from_millis(u64::try_from(record.made.as_millis()).unwrap_or_default()),
    }
}

fn seen(peer: Peer, passed: &Passed, silent: &HashMap<NodeName, Duration>) -> PeerSeen {
    let passed = passed.get(&peer.mesh_key);
    PeerSeen {
        public_key: peer.mesh_key,
        in_use: passed.and_then(|passed| passed.endpoint),
        traffic: passed.map(traffic),
        silent: silent.get(&peer.node).copied(),
        endpoints: peer.endpoints,
        allowed_ips: peer.allowed_ips,
        node: peer.node,
    }
}

/// What the kernel counted, in the words of the wire.
pub(crate) fn traffic(seen: &wgcni_dataplane::Traffic) -> Traffic {
    Traffic { handshake: seen.handshake, received: seen.received, sent: seen.sent }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use buffa::Message;
    use wgcni_model::{Endpoints, Prefixes, PrivateKey};

    use super::*;

    #[test]
    fn the_largest_page_of_peers_is_below_what_a_client_reads() {
        let full = "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:51820";
        let prefixes = ["223.255.255.0/24", "fdff:ffff:ffff:ffff::/64"];
        let endpoints = (0..Endpoints::MAX)
            .map(|n| full.replace("51820", &format!("6000{n}")).parse().unwrap());
        let peer = PeerSeen {
            node: "n".repeat(63).parse().unwrap(),
            public_key: PrivateKey::from_random([1; 32]).public_key(),
            endpoints: Endpoints::try_from(endpoints.collect::<Vec<_>>()).unwrap(),
            in_use: Some(full.parse().unwrap()),
            allowed_ips: Prefixes::from_items(prefixes.map(|p| p.parse().unwrap())).unwrap(),
            traffic: Some(Traffic {
                handshake: Some(Duration::MAX),
                received: u64::MAX,
                sent: u64::MAX,
            }),
            silent: Some(Duration::MAX),
        };
        let page = wire::ListPeersResponse {
            peers: vec![wire::PeerView::from(&peer); PEERS],
            ..Default::default()
        };
        let bytes = page.encode_to_vec().len();
        assert!(bytes < 4 << 20, "{bytes}");
    }

    #[test]
    fn pages_are_in_order_and_lack_nothing() {
        let all: Vec<u32> = (0..10_000).rev().collect();
        let (mut got, mut after) = (Vec::new(), None);
        loop {
            let (next, more) = page(all.clone(), |n| n, after.as_ref(), limit(0, PEERS));
            got.extend(next);
            after = got.last().copied();
            if !more {
                break;
            }
        }
        assert_eq!(got, (0..10_000).collect::<Vec<_>>());
        assert_eq!(page(all, |n| n, Some(&9_999), 1), (Vec::new(), false));
        assert_eq!((limit(7, 5), limit(3, 5), limit(0, 5)), (5, 3, 5));
    }
}
