//! A cluster-manager's services, as a test wants them.
#![allow(dead_code, refining_impl_trait, clippy::unwrap_used, missing_docs)]

use connectrpc::{ConnectError, RequestContext, Response, ServiceRequest};
use connectrpc::{ServiceResult, ServiceStream};
use tokio::sync::watch;
use wgcni_api::ipam_service::IpamService;
use wgcni_api::wireguard_service::WireguardService;
use wgcni_api::wireguard_v1::{RegisterPeerRequest, WatchPeersResponse};
use wgcni_api::{ipam_v1, wireguard_v1};

/// A cluster-manager that says what it is told.
#[derive(Default)]
pub struct Script {
    pub said: watch::Sender<Vec<WatchPeersResponse>>,
    pub registered: watch::Sender<Vec<RegisterPeerRequest>>,
    pub watched: watch::Sender<Vec<u64>>,
}

/// Everybody gets the same lease.
pub struct Leases;

impl IpamService for Leases {
    async fn allocate(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, ipam_v1::AllocateRequest>,
    ) -> ServiceResult<ipam_v1::AllocateResponse> {
        let lease = ipam_v1::Lease {
            node: request.node.to_owned(),
            prefixes: vec!["10.64.1.0/24".to_owned()],
            ..Default::default()
        };
        let cluster = ipam_v1::Cluster {
            cluster_id: format!("{:032x}", 7),
            prefixes: vec!["10.64.0.0/12".to_owned()],
            ..Default::default()
        };
        Response::ok(ipam_v1::AllocateResponse {
            lease: lease.into(),
            cluster: cluster.into(),
            ..Default::default()
        })
    }

    async fn release(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, ipam_v1::ReleaseRequest>,
    ) -> ServiceResult<ipam_v1::ReleaseResponse> {
        Err(ConnectError::unimplemented("release"))
    }

    async fn list(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, ipam_v1::ListRequest>,
    ) -> ServiceResult<ipam_v1::ListResponse> {
        Err(ConnectError::unimplemented("list"))
    }
}

impl WireguardService for Script {
    async fn register_peer(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wireguard_v1::RegisterPeerRequest>,
    ) -> ServiceResult<wireguard_v1::RegisterPeerResponse> {
        self.registered.send_modify(|all| all.push(request.to_owned_message()));
        Response::ok(wireguard_v1::RegisterPeerResponse::default())
    }

    async fn deregister_peer(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wireguard_v1::DeregisterPeerRequest>,
    ) -> ServiceResult<wireguard_v1::DeregisterPeerResponse> {
        Err(ConnectError::unimplemented("deregister"))
    }

    async fn list_peers(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wireguard_v1::ListPeersRequest>,
    ) -> ServiceResult<wireguard_v1::ListPeersResponse> {
        Err(ConnectError::unimplemented("list"))
    }

    async fn watch_peers(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wireguard_v1::WatchPeersRequest>,
    ) -> ServiceResult<ServiceStream<wireguard_v1::WatchPeersResponse>> {
        self.watched.send_modify(|all| all.push(request.after_revision));
        let said = self.said.subscribe();
        let events = futures::stream::unfold((said, 0), |(mut said, next)| async move {
            let event = said.wait_for(|said| said.len() > next).await.ok()?[next].clone();
            // An event without content stands for the end of the stream.
            event.event.is_some().then_some((Ok(event), (said, next + 1)))
        });
        Response::stream_ok(events)
    }
}
