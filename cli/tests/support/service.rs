//! The services of the fake.

use std::sync::Arc;

use connectrpc::{ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult};
use serde::Serialize;
use wgcni_api::admin_service::AdminService;
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_service::IdentityService;
use wgcni_api::identity_v1 as identity;
use wgcni_api::view_service::ViewService;
use wgcni_api::view_v1 as view;

use super::State;

/// A time that does not come while tests run: 2096-10-02T07:06:40Z.
pub const FAR: u64 = 4_000_000_000_000;
/// Secrets.
pub const JOIN: &str = "wgcni1.this-is-the-join-string";
pub const BEARER: &str = "this-is-the-bearer";
/// Id of whatever is made.
pub const ID: &str = "00010203fcfdfeff";

pub fn router(state: &Arc<State>) -> Router {
    Router::new()
        .add_service(Arc::new(Admin(Arc::clone(state))))
        .add_service(Arc::new(Identity(Arc::clone(state))))
        .add_service(Arc::new(View(Arc::clone(state))))
}

struct Admin(Arc<State>);
struct Identity(Arc<State>);
struct View(Arc<State>);

impl State {
    fn answer<Q: Serialize, A>(
        &self,
        name: &'static str,
        asked: Q,
        answer: impl FnOnce(Q) -> A,
    ) -> ServiceResult<A> {
        let json = serde_json::to_value(&asked).unwrap();
        self.asked.lock().unwrap().push((name, json));
        match self.refusal.lock().unwrap().clone() {
            Some(refusal) => Err(refusal),
            None => Response::ok(answer(asked)),
        }
    }

    /// The members, and for the next look those of later.
    fn next_members(&self) -> Vec<wire::Member> {
        let mut members = self.members.lock().unwrap();
        let now = members.clone();
        let mut later = self.later.lock().unwrap();
        if !later.is_empty() {
            *members = later.remove(0);
        }
        now
    }

    fn page(&self, asked: &wire::ListAuditRequest) -> wire::ListAuditResponse {
        let all = self.audit.lock().unwrap();
        // Small pages, so that there is more than one.
        let limit = usize::try_from(asked.limit).unwrap().min(3);
        let mut entries: Vec<_> =
            all.iter().filter(|entry| entry.sequence > asked.after_sequence).cloned().collect();
        if asked.newest {
            entries.drain(..entries.len().saturating_sub(limit));
        } else {
            entries.truncate(limit);
        }
        let last_sequence = all.last().map_or(0, |entry| entry.sequence);
        wire::ListAuditResponse { entries, last_sequence, ..Default::default() }
    }
}

fn new_ticket(asked: wire::CreateTicketRequest) -> wire::Ticket {
    wire::Ticket {
        id: ID.into(),
        role: asked.role,
        uses: asked.uses,
        uses_left: asked.uses,
        expires_unix_ms: FAR,
        name: asked.name,
        groups: asked.groups,
        source_cidrs: asked.source_cidrs,
        created_by: "root".into(),
        created_unix_ms: 1_800_000_000_000,
        ..Default::default()
    }
}

fn new_token(asked: wire::CreateTokenRequest) -> wire::Token {
    wire::Token {
        id: ID.into(),
        label: asked.label,
        expires_unix_ms: FAR,
        created_by: "root".into(),
        ..Default::default()
    }
}

#[allow(refining_impl_trait)]
impl ViewService for View {
    async fn list_reports(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, view::ListReportsRequest>,
    ) -> ServiceResult<view::ListReportsResponse> {
        let reports = self.0.reports.lock().unwrap().clone();
        let reports = reports.ok_or_else(|| ConnectError::unimplemented("no such method"))?;
        let request = request.to_owned_message();
        let mut rest = reports.iter().filter(|told| *told.report.node.as_str() > *request.after);
        // Small pages, so that there is more than one.
        let page: Vec<_> = rest.by_ref().take(2).map(view::NodeReport::from).collect();
        let last = page.last().map(|last| last.report.node.clone()).unwrap_or_default();
        let next = if rest.next().is_some() { last } else { String::new() };
        Response::ok(view::ListReportsResponse { reports: page, next, ..Default::default() })
    }
}

#[allow(refining_impl_trait)]
impl IdentityService for Identity {
    async fn renew(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, identity::RenewRequest>,
    ) -> ServiceResult<identity::RenewResponse> {
        Err(ConnectError::unimplemented("renew"))
    }

    async fn who_am_i(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, identity::WhoAmIRequest>,
    ) -> ServiceResult<identity::WhoAmIResponse> {
        self.0.answer("who_am_i", request.to_owned_message(), |_| identity::WhoAmIResponse {
            name: "root".into(),
            cluster_id: "01010101010101010101010101010101".into(),
            ..Default::default()
        })
    }

    async fn leave(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, identity::LeaveRequest>,
    ) -> ServiceResult<identity::LeaveResponse> {
        Err(ConnectError::unimplemented("leave"))
    }
}

#[allow(refining_impl_trait)]
impl AdminService for Admin {
    async fn create_ticket(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CreateTicketRequest>,
    ) -> ServiceResult<wire::CreateTicketResponse> {
        self.0.answer("create_ticket", request.to_owned_message(), |asked| {
            wire::CreateTicketResponse {
                ticket: new_ticket(asked).into(),
                join: JOIN.into(),
                ..Default::default()
            }
        })
    }

    async fn list_tickets(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListTicketsRequest>,
    ) -> ServiceResult<wire::ListTicketsResponse> {
        self.0.answer("list_tickets", request.to_owned_message(), |_| wire::ListTicketsResponse {
            tickets: self.0.tickets.lock().unwrap().clone(),
            ..Default::default()
        })
    }

    async fn revoke_ticket(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RevokeTicketRequest>,
    ) -> ServiceResult<wire::RevokeTicketResponse> {
        self.0.answer("revoke_ticket", request.to_owned_message(), |asked| {
            wire::RevokeTicketResponse {
                revoked: if asked.keep_members { vec![] } else { vec!["ash".into(), "elm".into()] },
                ..Default::default()
            }
        })
    }

    async fn show_security_key(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ShowSecurityKeyRequest>,
    ) -> ServiceResult<wire::ShowSecurityKeyResponse> {
        self.0.answer("show_security_key", request.to_owned_message(), |_| {
            wire::ShowSecurityKeyResponse {
                join: JOIN.into(),
                expires_unix_ms: FAR,
                generation: 3,
                ..Default::default()
            }
        })
    }

    async fn rotate_security_key(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RotateSecurityKeyRequest>,
    ) -> ServiceResult<wire::RotateSecurityKeyResponse> {
        self.0.answer("rotate_security_key", request.to_owned_message(), |_| {
            wire::RotateSecurityKeyResponse { generation: 4, ..Default::default() }
        })
    }

    async fn create_token(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CreateTokenRequest>,
    ) -> ServiceResult<wire::CreateTokenResponse> {
        self.0.answer("create_token", request.to_owned_message(), |asked| {
            wire::CreateTokenResponse {
                token: new_token(asked).into(),
                bearer: BEARER.into(),
                ..Default::default()
            }
        })
    }

    async fn list_tokens(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListTokensRequest>,
    ) -> ServiceResult<wire::ListTokensResponse> {
        self.0.answer("list_tokens", request.to_owned_message(), |_| wire::ListTokensResponse {
            tokens: self.0.tokens.lock().unwrap().clone(),
            ..Default::default()
        })
    }

    async fn revoke_token(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RevokeTokenRequest>,
    ) -> ServiceResult<wire::RevokeTokenResponse> {
        self.0.answer("revoke_token", request.to_owned_message(), |_| {
            wire::RevokeTokenResponse::default()
        })
    }

    async fn list_members(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListMembersRequest>,
    ) -> ServiceResult<wire::ListMembersResponse> {
        self.0.answer("list_members", request.to_owned_message(), |_| wire::ListMembersResponse {
            members: self.0.next_members(),
            revision: 9,
            ..Default::default()
        })
    }

    async fn add_node(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::AddNodeRequest>,
    ) -> ServiceResult<wire::AddNodeResponse> {
        self.0.answer("add_node", request.to_owned_message(), |_| wire::AddNodeResponse {
            join: JOIN.into(),
            ..Default::default()
        })
    }

    async fn revoke_member(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RevokeMemberRequest>,
    ) -> ServiceResult<wire::RevokeMemberResponse> {
        self.0.answer("revoke_member", request.to_owned_message(), |_| wire::RevokeMemberResponse {
            revision: 7,
            ..Default::default()
        })
    }

    async fn remove_member(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RemoveMemberRequest>,
    ) -> ServiceResult<wire::RemoveMemberResponse> {
        self.0.answer("remove_member", request.to_owned_message(), |_| wire::RemoveMemberResponse {
            revision: 7,
            ..Default::default()
        })
    }

    async fn list_audit(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListAuditRequest>,
    ) -> ServiceResult<wire::ListAuditResponse> {
        self.0.answer("list_audit", request.to_owned_message(), |asked| self.0.page(&asked))
    }

    async fn status(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::StatusRequest>,
    ) -> ServiceResult<wire::StatusResponse> {
        self.0
            .answer("status", request.to_owned_message(), |_| self.0.status.lock().unwrap().clone())
    }
}
