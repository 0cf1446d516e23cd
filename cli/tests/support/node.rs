//! The services of a fake node-manager.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectrpc::{ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult};
use wgcni_api::node::Namespace;
use wgcni_api::node_service::{AttachmentService, ViewService};
use wgcni_api::node_v1 as wire;
use wgcni_api::view::{Attachment, Line, Link, PeerSeen, Report, Reported, Traffic};
use wgcni_model::{
    Addresses, AttachmentKey, Endpoints, NamespaceId, Prefixes, PrivateKey, WireguardKind,
};

/// What it answers.
#[derive(Default)]
pub struct State {
    pub status: Mutex<wire::StatusResponse>,
    pub attachments: Mutex<Vec<Attachment>>,
    pub peers: Mutex<Vec<PeerSeen>>,
    pub trouble: Mutex<String>,
    /// What each look adds to all counters.
    pub step: Mutex<u64>,
}

pub fn traffic(handshake: Option<u64>, received: u64, sent: u64) -> Traffic {
    Traffic { handshake: handshake.map(Duration::from_secs), received, sent }
}

pub fn peer(node: &str, traffic: Option<Traffic>) -> PeerSeen {
    PeerSeen {
        node: node.parse().unwrap(),
        public_key: PrivateKey::from_random([1; 32]).public_key(),
        endpoints: Endpoints::try_from(vec!["192.0.2.7:51820".parse().unwrap()]).unwrap(),
        in_use: Some("192.0.2.8:4711".parse().unwrap()),
        allowed_ips: Prefixes::from_items(["10.64.3.0/24".parse().unwrap()]).unwrap(),
        traffic,
        silent: None,
    }
}

pub fn attachment(id: &str, traffic: Option<Traffic>) -> Attachment {
    Attachment {
        key: AttachmentKey {
            network: "wgnet".parse().unwrap(),
            container_id: id.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        },
        namespace: Namespace {
            path: format!("/run/netns/{id}\x1b[2J"),
            id: NamespaceId { device: 4, inode: 5, cookie: None },
        },
        addresses: Addresses::from_items(["10.64.1.2", "fd00::2"].map(|a| a.parse().unwrap()))
            .unwrap(),
        public_key: PrivateKey::from_random([2; 32]).public_key(),
        made: Duration::from_secs(1_700_000_000),
        traffic,
    }
}

pub fn reported(node: &str, age: u64, links: &[(&str, Traffic)]) -> Reported {
    let link = |(node, traffic): &(&str, Traffic)| Link {
        node: node.parse().unwrap(),
        traffic: *traffic,
        silent: None,
    };
    let report = Report {
        node: node.parse().unwrap(),
        version: Line::fitting("0.1.0", Line::MAX_VERSION),
        kind: WireguardKind::Kernel,
        ready: true,
        reasons: Vec::new(),
        attachments: 3,
        free: 250,
        peers: 2,
        peers_up: 1,
        links: links.iter().map(link).collect(),
        untold: 0,
    };
    Reported { report, age: Duration::from_secs(age) }
}

struct Fake(Arc<super::State>);

pub fn router(state: &Arc<super::State>) -> Router {
    let fake = Arc::new(Fake(Arc::clone(state)));
    let router =
        wgcni_api::node_service::ViewServiceExt::register(Arc::clone(&fake), Router::new());
    wgcni_api::node_service::AttachmentServiceExt::register(fake, router)
}

fn no<T>() -> ServiceResult<T> {
    Err(ConnectError::unimplemented("not this one"))
}

#[allow(refining_impl_trait)]
impl ViewService for Fake {
    async fn list_attachments(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListAttachmentsRequest>,
    ) -> ServiceResult<wire::ListAttachmentsResponse> {
        let mut after = request.to_owned_message().after;
        let after = after.take().map(|key| AttachmentKey::try_from(key).unwrap());
        let all = self.0.node.attachments.lock().unwrap().clone();
        let mut rest = all.iter().filter(|a| after.as_ref().is_none_or(|after| a.key > *after));
        let page = rest.by_ref().take(2).map(wire::AttachmentView::from).collect();
        let trouble = self.0.node.trouble.lock().unwrap().clone();
        let more = rest.next().is_some();
        Response::ok(wire::ListAttachmentsResponse {
            attachments: page,
            more,
            trouble,
            ..Default::default()
        })
    }

    async fn list_peers(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListPeersRequest>,
    ) -> ServiceResult<wire::ListPeersResponse> {
        let mut all = self.0.node.peers.lock().unwrap();
        let step = *self.0.node.step.lock().unwrap();
        for traffic in all.iter_mut().filter_map(|peer| peer.traffic.as_mut()) {
            traffic.received += step;
            traffic.sent += 2 * step;
        }
        let after = request.to_owned_message().after;
        let mut rest = all.iter().filter(|peer| *peer.node.as_str() > *after);
        let page = rest.by_ref().take(2).map(wire::PeerView::from).collect();
        let trouble = self.0.node.trouble.lock().unwrap().clone();
        let more = rest.next().is_some();
        Response::ok(wire::ListPeersResponse {
            peers: page,
            more,
            trouble,
            node: "ash".into(),
            ..Default::default()
        })
    }
}

#[allow(refining_impl_trait)]
impl AttachmentService for Fake {
    async fn attach(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::AttachRequest>,
    ) -> ServiceResult<wire::AttachResponse> {
        no()
    }

    async fn detach(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::DetachRequest>,
    ) -> ServiceResult<wire::DetachResponse> {
        no()
    }

    async fn check(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::CheckRequest>,
    ) -> ServiceResult<wire::CheckResponse> {
        no()
    }

    async fn prune(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::PruneRequest>,
    ) -> ServiceResult<wire::PruneResponse> {
        no()
    }

    async fn reclaim(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ReclaimRequest>,
    ) -> ServiceResult<wire::ReclaimResponse> {
        no()
    }

    async fn status(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::StatusRequest>,
    ) -> ServiceResult<wire::StatusResponse> {
        Response::ok(self.0.node.status.lock().unwrap().clone())
    }
}
