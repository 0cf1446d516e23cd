//! `wgcni.ipam.v1.IpamService`.

use std::sync::Arc;

use connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::Claim;
use wgcni_api::ipam_service::IpamService;
use wgcni_api::ipam_v1 as wire;
use wgcni_ipam::Usage;
use wgcni_model::{Field, NodeName};

use super::caller::Speaker;
use super::{millis, now};
use crate::Refusal;
use crate::cluster::Served;
use crate::registry::Resting;

/// Serves leases.
pub(super) struct Ipam {
    served: Arc<Served>,
}

impl Ipam {
    pub fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

// The types that are answered are part of nobody's interface.
#[allow(refining_impl_trait)]
impl IpamService for Ipam {
    async fn allocate(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::AllocateRequest>,
    ) -> ServiceResult<wire::AllocateResponse> {
        let Served { registry, .. } = &*self.served;
        let claim = Claim::try_from(request.to_owned_message()).map_err(Refusal::from)?;
        Speaker::of(&context, registry)?.speaks_for(&claim.node)?;
        let lease = registry.allocate(&claim, now()).await?;
        Response::ok(wire::AllocateResponse {
            lease: wire::Lease::from(&lease).into(),
            cluster: wire::Cluster::from(&registry.cluster()).into(),
            ..Default::default()
        })
    }

    async fn release(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::ReleaseRequest>,
    ) -> ServiceResult<wire::ReleaseResponse> {
        let Served { registry, .. } = &*self.served;
        let node: NodeName = request.node.parse().field("node").map_err(Refusal::from)?;
        Speaker::of(&context, registry)?.speaks_for(&node)?;
        registry.release(&node, now()).await?;
        Response::ok(wire::ReleaseResponse::default())
    }

    async fn list(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListRequest>,
    ) -> ServiceResult<wire::ListResponse> {
        let Served { registry, .. } = &*self.served;
        let leases = registry.leases(now());
        Response::ok(wire::ListResponse {
            leases: leases.leased.iter().map(wire::Lease::from).collect(),
            resting: leases.resting.iter().map(resting).collect(),
            pools: leases.pools.iter().map(pool).collect(),
            cluster: wire::Cluster::from(&registry.cluster()).into(),
            ..Default::default()
        })
    }
}

fn resting(resting: &Resting) -> wire::RestingLease {
    wire::RestingLease {
        lease: wire::Lease::from(&resting.lease).into(),
        free_at_unix_ms: millis(resting.free_at),
        ..Default::default()
    }
}

fn pool(usage: &Usage) -> wire::Pool {
    wire::Pool {
        prefix: usage.prefix.to_string(),
        lease_prefix_length: usage.length.into(),
        capacity: usage.capacity,
        leased: usage.used,
        resting: usage.resting,
        ..Default::default()
    }
}
