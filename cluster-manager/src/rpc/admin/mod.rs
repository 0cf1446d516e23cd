//! `wgcni.admin.v1.AdminService`.

mod convert;

use std::sync::Arc;
use std::time::Duration;

use connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::admin_service::AdminService;
use wgcni_api::admin_v1 as wire;
use wgcni_identity::{JoinCredential, Role, TicketId};
use wgcni_model::{Field, FieldError, NodeName, PublicKey};

use super::caller::Speaker;
use super::{millis, now};
use crate::Refusal;
use crate::cluster::Served;
use crate::members::Actor;
use convert::{member, new_ticket, parse_role, reason, status, ticket, token};

/// Most lines of the audit log at once.
const MAX_LINES: u32 = 1_000;

/// Serves operators, and root on this machine.
pub(super) struct Admin {
    served: Arc<Served>,
}

impl Admin {
    pub fn new(served: Arc<Served>) -> Self {
        Self { served }
    }

    fn by(&self, context: &RequestContext) -> Result<Actor, connectrpc::ConnectError> {
        Ok(Speaker::of(context, &self.served.registry)?.actor())
    }
}

fn id(text: &str) -> Result<TicketId, Refusal> {
    Ok(text.parse().field("id")?)
}

fn who(role: Result<Role, FieldError>, name: &str) -> Result<(Role, NodeName), Refusal> {
    Ok((role?, name.parse().field("name")?))
}

// The types that are answered are part of nobody's interface.
#[allow(refining_impl_trait)]
impl AdminService for Admin {
    async fn create_ticket(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::CreateTicketRequest>,
    ) -> ServiceResult<wire::CreateTicketResponse> {
        let by = self.by(&context)?;
        let safe = self.served.safe()?;
        let new = new_ticket(&request.to_owned_message()).map_err(Refusal::from)?;
        let (view, secret) = self.served.registry.create_ticket(&new, &by, now()).await?;
        let credential = JoinCredential::Ticket(view.id, secret);
        Response::ok(wire::CreateTicketResponse {
            ticket: ticket(&view).into(),
            join: safe.reached.join_string(&safe.keys, credential).to_string(),
            ..Default::default()
        })
    }

    async fn list_tickets(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListTicketsRequest>,
    ) -> ServiceResult<wire::ListTicketsResponse> {
        let tickets = self.served.registry.tickets().iter().map(ticket).collect();
        Response::ok(wire::ListTicketsResponse { tickets, ..Default::default() })
    }

    async fn revoke_ticket(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RevokeTicketRequest>,
    ) -> ServiceResult<wire::RevokeTicketResponse> {
        let (by, id) = (self.by(&context)?, id(request.id)?);
        let keep = request.keep_members;
        let revoked = self.served.registry.revoke_ticket(id, keep, &by, now()).await?;
        let revoked = revoked.iter().map(ToString::to_string).collect();
        Response::ok(wire::RevokeTicketResponse { revoked, ..Default::default() })
    }

    async fn show_security_key(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, wire::ShowSecurityKeyRequest>,
    ) -> ServiceResult<wire::ShowSecurityKeyResponse> {
        let by = self.by(&context)?;
        let safe = self.served.safe()?;
        let key = self.served.registry.show_security_key(&safe.keys, &by, now()).await?;
        let credential = JoinCredential::SecurityKey(key.secret);
        Response::ok(wire::ShowSecurityKeyResponse {
            join: safe.reached.join_string(&safe.keys, credential).to_string(),
            expires_unix_ms: millis(key.expires),
            generation: key.generation,
            ..Default::default()
        })
    }

    async fn rotate_security_key(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RotateSecurityKeyRequest>,
    ) -> ServiceResult<wire::RotateSecurityKeyResponse> {
        let by = self.by(&context)?;
        let rotated = self.served.registry.rotate_security_key(request.overlap, &by, now());
        let generation = rotated.await?;
        Response::ok(wire::RotateSecurityKeyResponse { generation, ..Default::default() })
    }

    async fn create_token(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::CreateTokenRequest>,
    ) -> ServiceResult<wire::CreateTokenResponse> {
        let by = self.by(&context)?;
        let life = Duration::from_secs(request.valid_seconds);
        let registry = &self.served.registry;
        let (view, secret) = registry.create_token(request.label, life, &by, now()).await?;
        Response::ok(wire::CreateTokenResponse {
            token: token(&view, None).into(),
            bearer: format!("{}.{}", view.id, *secret.to_text()),
            ..Default::default()
        })
    }

    async fn list_tokens(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListTokensRequest>,
    ) -> ServiceResult<wire::ListTokensResponse> {
        let Served { registry, tokens, .. } = &*self.served;
        let all = registry.tokens();
        let tokens = all.iter().map(|view| token(view, tokens.of(view.id))).collect();
        Response::ok(wire::ListTokensResponse { tokens, ..Default::default() })
    }

    async fn revoke_token(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RevokeTokenRequest>,
    ) -> ServiceResult<wire::RevokeTokenResponse> {
        let (by, id) = (self.by(&context)?, id(request.id)?);
        self.served.registry.revoke_token(id, &by, now()).await?;
        Response::ok(wire::RevokeTokenResponse::default())
    }

    async fn list_members(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListMembersRequest>,
    ) -> ServiceResult<wire::ListMembersResponse> {
        let (revision, members) = self.served.registry.members();
        Response::ok(wire::ListMembersResponse {
            members: members.iter().map(member).collect(),
            revision: revision.0,
            ..Default::default()
        })
    }

    async fn add_node(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::AddNodeRequest>,
    ) -> ServiceResult<wire::AddNodeResponse> {
        let by = self.by(&context)?;
        let safe = self.served.safe()?;
        let name = request.name.parse().field("name").map_err(Refusal::from)?;
        let key = PublicKey::from_bytes(request.mesh_public_key);
        let key = key.field("mesh_public_key").map_err(Refusal::from)?;
        self.served.registry.add_node(&name, key, &by, now()).await?;
        let join = safe.reached.join_string(&safe.keys, JoinCredential::Key).to_string();
        Response::ok(wire::AddNodeResponse { join, ..Default::default() })
    }

    async fn revoke_member(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RevokeMemberRequest>,
    ) -> ServiceResult<wire::RevokeMemberResponse> {
        let by = self.by(&context)?;
        let (role, name) = who(parse_role(request.role.as_known()), request.name)?;
        let reason = reason(request.reason).map_err(Refusal::from)?;
        let revision = self.served.registry.revoke((role, &name), reason, &by, now()).await?.0;
        Response::ok(wire::RevokeMemberResponse { revision, ..Default::default() })
    }

    async fn remove_member(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RemoveMemberRequest>,
    ) -> ServiceResult<wire::RemoveMemberResponse> {
        let by = self.by(&context)?;
        let (role, name) = who(parse_role(request.role.as_known()), request.name)?;
        let revision = self.served.registry.remove((role, &name), &by, now()).await?.0;
        Response::ok(wire::RemoveMemberResponse { revision, ..Default::default() })
    }

    async fn list_audit(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListAuditRequest>,
    ) -> ServiceResult<wire::ListAuditResponse> {
        let limit = match request.limit {
            0 => MAX_LINES,
            limit => limit.min(MAX_LINES),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let after = request.after_sequence;
        let (lines, last) = self.served.registry.audit_lines(after, limit, request.newest);
        let entry = |(sequence, line)| wire::AuditEntry { sequence, line, ..Default::default() };
        Response::ok(wire::ListAuditResponse {
            entries: lines.into_iter().map(entry).collect(),
            last_sequence: last,
            ..Default::default()
        })
    }

    async fn status(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::StatusRequest>,
    ) -> ServiceResult<wire::StatusResponse> {
        Response::ok(status(&self.served, now()))
    }
}
