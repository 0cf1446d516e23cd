//! `wgcni.wireguard.v1.WireguardService`.

use std::sync::Arc;

use connectrpc::{
    Encodable, RequestContext, Response, ServiceRequest, ServiceResult, ServiceStream,
};
use wgcni_api::Registration;
use wgcni_api::wireguard_service::WireguardService;
use wgcni_api::wireguard_v1 as wire;
use wgcni_model::{Field, History, NodeName, Revision};

use super::caller::Speaker;
use super::{millis, now};
use crate::Refusal;
use crate::cluster::Served;
use crate::registry::PeerStatus;
use crate::watch::Hub;

/// Serves peers.
pub(super) struct Wireguard {
    served: Arc<Served>,
    hub: Arc<Hub>,
}

impl Wireguard {
    pub fn new(served: Arc<Served>, hub: Arc<Hub>) -> Self {
        Self { served, hub }
    }
}

// The types that are answered are part of nobody's interface.
#[allow(refining_impl_trait)]
impl WireguardService for Wireguard {
    async fn register_peer(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RegisterPeerRequest>,
    ) -> ServiceResult<wire::RegisterPeerResponse> {
        let Served { registry, endpoint_cidrs, .. } = &*self.served;
        let request = request.to_owned_message();
        let registration = Registration::try_from(request).map_err(Refusal::from)?;
        Speaker::of(&context, registry)?.may_register(&registration, endpoint_cidrs)?;
        let revision = registry.register(&registration, now()).await?.0;
        Response::ok(wire::RegisterPeerResponse { revision, ..Default::default() })
    }

    async fn deregister_peer(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::DeregisterPeerRequest>,
    ) -> ServiceResult<wire::DeregisterPeerResponse> {
        let Served { registry, .. } = &*self.served;
        let node: NodeName = request.node.parse().field("node").map_err(Refusal::from)?;
        Speaker::of(&context, registry)?.speaks_for(&node)?;
        let revision = registry.deregister(&node, now()).await?.0;
        Response::ok(wire::DeregisterPeerResponse { revision, ..Default::default() })
    }

    async fn list_peers(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListPeersRequest>,
    ) -> ServiceResult<wire::ListPeersResponse> {
        let (revision, peers) = self.served.registry.peers();
        Response::ok(wire::ListPeersResponse {
            revision: revision.0,
            peers: peers.iter().map(status).collect(),
            ..Default::default()
        })
    }

    async fn watch_peers(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::WatchPeersRequest>,
    ) -> ServiceResult<ServiceStream<impl Encodable<wire::WatchPeersResponse> + Send + use<>>> {
        let history: History = request.history.parse().field("history").map_err(Refusal::from)?;
        if !request.node.is_empty() {
            request.node.parse::<NodeName>().field("node").map_err(Refusal::from)?;
        }
        Ok(Response::stream(self.hub.stream(Revision(request.after_revision), &history)))
    }
}

fn status(status: &PeerStatus) -> wire::PeerStatus {
    wire::PeerStatus {
        peer: wire::Peer::from(&status.peer).into(),
        hub_public_key: status.hub_key.as_bytes().to_vec(),
        applied_revision: status.seen.map_or(0, |seen| seen.applied.0),
        last_seen_unix_ms: status.seen.map_or(0, |seen| millis(seen.at)),
        ..Default::default()
    }
}
