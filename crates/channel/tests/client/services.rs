//! The cluster's services.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::identity_service::{IdentityService, JoinService};
use wgcni_api::identity_v1 as wire;
use wgcni_api::identity_v1::finish_join_request::Credential;
use wgcni_channel::server::{Caller, Who};
use wgcni_identity::{
    CertificateRequest, CredentialKind, CredentialProof, MeshProof, Role, Transcript,
};
use wgcni_model::PublicKey;

use crate::cluster::{State, now};

fn refused() -> ConnectError {
    ConnectError::permission_denied("refused; the reason is in the cluster's audit log")
}

pub struct Joining(pub Arc<State>);

#[allow(refining_impl_trait)]
impl JoinService for Joining {
    async fn begin_join(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, wire::BeginJoinRequest>,
    ) -> ServiceResult<wire::BeginJoinResponse> {
        self.0.call("begin");
        let caller = context.extensions().get::<Caller>().unwrap().clone();
        let end = now() + Duration::from_secs(30);
        let random = (rand::random(), rand::random());
        let challenge = self.0.sealer.seal(&caller.exporter.unwrap(), end, random).unwrap();
        Response::ok(wire::BeginJoinResponse {
            challenge: challenge.sealed,
            server_nonce: challenge.nonce.to_vec(),
            server_ephemeral: challenge.ephemeral.as_bytes().to_vec(),
            expires_in_seconds: 30,
            ..Default::default()
        })
    }

    async fn finish_join(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::FinishJoinRequest>,
    ) -> ServiceResult<wire::FinishJoinResponse> {
        self.0.call("finish");
        if *self.0.refuse.lock().unwrap() {
            return Err(refused());
        }
        let caller = context.extensions().get::<Caller>().unwrap().clone();
        let asked = request.to_owned_message();
        let (csr, mesh) = check(&self.0, &caller, &asked);
        let role = if mesh.is_some() { Role::Node } else { Role::Operator };
        let id = self.0.remember(role, csr.pin());
        if self.0.loses() {
            return Err(ConnectError::unavailable("stopping"));
        }
        Response::ok(wire::FinishJoinResponse {
            certificate: self.0.certify(&csr, role, id),
            ca_certificate: self.0.authority.certificate().der.clone(),
            identity_id: id.to_string(),
            role: match role {
                Role::Node => wire::Role::ROLE_NODE,
                Role::Operator => wire::Role::ROLE_OPERATOR,
            }
            .into(),
            name: asked.name,
            counter: 1,
            lease: mesh.map(|_| vec!["10.64.3.0/24".to_owned()]).unwrap_or_default(),
            cluster_id: self.0.authority.cluster().to_string(),
            cluster_prefixes: vec!["10.64.0.0/12".to_owned()],
            addresses: self.0.main.lock().unwrap().clone(),
            ..Default::default()
        })
    }
}

/// Checks all three proofs as a cluster-manager does.
fn check(
    state: &State,
    caller: &Caller,
    asked: &wire::FinishJoinRequest,
) -> (CertificateRequest, Option<PublicKey>) {
    let exporter = caller.exporter.unwrap();
    let opened = state.sealer.open(&asked.challenge, &exporter, now()).unwrap();
    let request = CertificateRequest::from_der(&asked.certificate_request).unwrap();
    let mesh = (!asked.mesh_public_key.is_empty())
        .then(|| PublicKey::from_bytes(&asked.mesh_public_key).unwrap());
    let name = asked.name.parse().unwrap();
    let credential = match asked.credential.as_ref().unwrap() {
        Credential::TicketId(id) => CredentialKind::Ticket(id.parse().unwrap()),
        Credential::SecurityKey(_) => CredentialKind::SecurityKey,
        Credential::Whitelist(_) => CredentialKind::Whitelist,
        Credential::KnownKey(_) => CredentialKind::KnownKey,
    };
    let transcript = Transcript {
        cluster: state.authority.cluster(),
        server: state.key.pin(),
        connection: exporter,
        challenge: &asked.challenge,
        server_nonce: opened.nonce,
        server_ephemeral: opened.ephemeral.public_key(),
        client_nonce: asked.client_nonce.as_slice().try_into().unwrap(),
        name: &name,
        credential,
        request: &request,
        mesh_key: mesh,
    };
    match credential {
        CredentialKind::Ticket(_) | CredentialKind::SecurityKey => {
            let proof = CredentialProof::from_bytes(&asked.credential_proof).unwrap();
            state.secret.verifier().unwrap().check(&transcript, &proof).unwrap();
        }
        _ => assert!(asked.credential_proof.is_empty()),
    }
    if let Some(key) = &mesh {
        let proof = MeshProof::from_bytes(&asked.mesh_proof).unwrap();
        proof.check(&opened.ephemeral, key, &transcript).unwrap();
    }
    (request, mesh)
}

pub struct Members(pub Arc<State>);

#[allow(refining_impl_trait)]
impl IdentityService for Members {
    async fn renew(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::RenewRequest>,
    ) -> ServiceResult<wire::RenewResponse> {
        self.0.call("renew");
        let Who::Member { role, id, .. } = context.extensions().get::<Caller>().unwrap().who else {
            return Err(refused());
        };
        let asked = request.to_owned_message();
        let csr = CertificateRequest::from_der(&asked.certificate_request).unwrap();
        let counter = {
            let mut members = self.0.members.lock().unwrap();
            let known = members.get_mut(&id).unwrap();
            if known.counter == asked.counter {
                known.former = Some(std::mem::replace(&mut known.key, csr.pin()));
                known.counter += 1;
            } else if known.key != csr.pin() || known.counter != asked.counter + 1 {
                return Err(refused());
            }
            known.counter
        };
        if self.0.loses() {
            return Err(ConnectError::unavailable("stopping"));
        }
        Response::ok(wire::RenewResponse {
            certificate: self.0.certify(&csr, role, id),
            counter,
            ..Default::default()
        })
    }

    /// Answers the caller's key as its name.
    async fn who_am_i(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, wire::WhoAmIRequest>,
    ) -> ServiceResult<wire::WhoAmIResponse> {
        let Who::Member { id, key, .. } = context.extensions().get::<Caller>().unwrap().who else {
            return Err(refused());
        };
        Response::ok(wire::WhoAmIResponse {
            name: key.to_string(),
            identity_id: id.to_string(),
            ..Default::default()
        })
    }

    async fn leave(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::LeaveRequest>,
    ) -> ServiceResult<wire::LeaveResponse> {
        Err(ConnectError::unimplemented("leave"))
    }
}
