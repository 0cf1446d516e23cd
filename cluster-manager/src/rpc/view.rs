//! `wgcni.view.v1`: nodes tell how they are, operators read it.

use std::sync::Arc;

use connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::view::Report;
use wgcni_api::view_service::{ReportService, ViewService};
use wgcni_api::view_v1 as wire;
use wgcni_model::{Field, NodeName};

use super::caller::Speaker;
use super::now;
use crate::Refusal;
use crate::cluster::Served;

/// Serves both ends.
pub(super) struct Views {
    served: Arc<Served>,
}

impl Views {
    pub fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

// The types that are answered are part of nobody's interface.
#[allow(refining_impl_trait)]
impl ReportService for Views {
    async fn report(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::ReportRequest>,
    ) -> ServiceResult<wire::ReportResponse> {
        let Served { registry, reports, .. } = &*self.served;
        let mut report = Report::try_from(request.to_owned_message()).map_err(Refusal::from)?;
        Speaker::of(&context, registry)?.speaks_for(&report.node)?;
        let (key, nodes) = {
            let state = registry.state();
            // What it says of nodes that are not there is of no use to anybody.
            report.links.retain(|link| state.peers.contains_key(&link.node));
            (state.mesh_key(&report.node), state.peers.len())
        };
        let why = "the node is not registered: call RegisterPeer first";
        let key = key.ok_or_else(|| ConnectError::failed_precondition(why))?;
        reports.note(report, key, nodes, now());
        Response::ok(wire::ReportResponse::default())
    }
}

#[allow(refining_impl_trait)]
impl ViewService for Views {
    async fn list_reports(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListReportsRequest>,
    ) -> ServiceResult<wire::ListReportsResponse> {
        let Served { registry, reports, .. } = &*self.served;
        let after = (!request.after.is_empty()).then(|| request.after.parse::<NodeName>());
        let after = after.transpose().field("after").map_err(Refusal::from)?;
        let (page, next) = {
            let state = registry.state();
            let is_still = |node: &NodeName, key| state.mesh_key(node) == Some(key);
            reports.page(after.as_ref(), request.links, is_still, now())
        };
        Response::ok(wire::ListReportsResponse {
            reports: page.iter().map(wire::NodeReport::from).collect(),
            next: next.map(|node| node.to_string()).unwrap_or_default(),
            ..Default::default()
        })
    }
}
