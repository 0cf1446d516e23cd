//! `wgcni.identity.v1.IdentityService`.

use std::sync::Arc;

use connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::identity_service::IdentityService;
use wgcni_api::identity_v1 as wire;
use wgcni_identity::CertificateRequest;
use wgcni_model::Field;

use super::caller::Speaker;
use super::{millis, now, role};
use crate::Refusal;
use crate::cluster::Served;

/// Serves members what is about themselves.
pub(super) struct Identities {
    served: Arc<Served>,
}

impl Identities {
    pub fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

// The types that are answered are part of nobody's interface.
#[allow(refining_impl_trait)]
impl IdentityService for Identities {
    async fn renew(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RenewRequest>,
    ) -> ServiceResult<wire::RenewResponse> {
        let Served { registry, .. } = &*self.served;
        let speaker = Speaker::of(&context, registry)?;
        let member = speaker.member().ok_or(Refusal::NotAMember)?;
        let counter = request.counter;
        let request = CertificateRequest::from_der(request.certificate_request);
        let request = request.field("certificate_request").map_err(Refusal::from)?;
        let keys = &self.served.safe()?.keys;
        let renewed = registry.renew(keys, member.id, &request, counter, now()).await?;
        Response::ok(wire::RenewResponse {
            not_after_unix_ms: millis(renewed.certificate.not_after),
            certificate: renewed.certificate.der,
            counter: renewed.counter,
            ..Default::default()
        })
    }

    async fn who_am_i(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, wire::WhoAmIRequest>,
    ) -> ServiceResult<wire::WhoAmIResponse> {
        let speaker = Speaker::of(&context, &self.served.registry)?;
        let cluster_id = self.served.cluster.to_string();
        let answer = match speaker.member() {
            Some(member) => wire::WhoAmIResponse {
                role: role(member.role).into(),
                name: member.name.to_string(),
                identity_id: member.id.to_string(),
                cluster_id,
                ..Default::default()
            },
            None => wire::WhoAmIResponse {
                name: speaker.actor().to_string(),
                cluster_id,
                ..Default::default()
            },
        };
        Response::ok(answer)
    }

    async fn leave(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, wire::LeaveRequest>,
    ) -> ServiceResult<wire::LeaveResponse> {
        let Served { registry, .. } = &*self.served;
        let speaker = Speaker::of(&context, registry)?;
        let member = speaker.member().ok_or(Refusal::NotAMember)?;
        registry.leave(member.id, now()).await?;
        Response::ok(wire::LeaveResponse::default())
    }
}
