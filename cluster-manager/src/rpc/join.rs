//! `wgcni.identity.v1.JoinService`.

use std::sync::Arc;

use connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use wgcni_api::identity_service::JoinService;
use wgcni_api::identity_v1 as wire;
use wgcni_api::identity_v1::__buffa::oneof::finish_join_request::Credential;
use wgcni_channel::server::Caller;
use wgcni_identity::{
    CertificateRequest, CredentialKind, CredentialProof, Exporter, MeshProof, Pin,
};
use wgcni_model::{Field, FieldError, Prefix, Prefixes, PublicKey};

use super::caller::caller;
use super::{millis, now, role};
use crate::Refusal;
use crate::cluster::{Safe, Served};
use crate::members::{JoinRequest, Joined};

/// Serves joiners.
pub(super) struct Joins {
    served: Arc<Served>,
}

impl Joins {
    pub fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

// The types that are answered are part of nobody's interface.
#[allow(refining_impl_trait)]
impl JoinService for Joins {
    async fn begin_join(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, wire::BeginJoinRequest>,
    ) -> ServiceResult<wire::BeginJoinResponse> {
        let connection = connection(caller(&context)?)?;
        let (challenge, life) = self.served.safe()?.keys.challenge(&connection, now())?;
        Response::ok(wire::BeginJoinResponse {
            challenge: challenge.sealed,
            server_nonce: challenge.nonce.to_vec(),
            server_ephemeral: challenge.ephemeral.as_bytes().to_vec(),
            expires_in_seconds: u32::try_from(life.as_secs()).unwrap_or(u32::MAX),
            ..Default::default()
        })
    }

    async fn finish_join(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::FinishJoinRequest>,
    ) -> ServiceResult<wire::FinishJoinResponse> {
        let caller = caller(&context)?;
        let safe = self.served.safe()?;
        let here =
            Here { source: caller.source, connection: connection(caller)?, server: safe.server };
        let request = parse(request.to_owned_message(), here).map_err(Refusal::from)?;
        let joined = self.served.registry.join(&safe.keys, &request, now()).await?;
        Response::ok(self.answer(safe, joined))
    }
}

impl Joins {
    fn answer(&self, safe: &Safe, joined: Joined) -> wire::FinishJoinResponse {
        let cluster = self.served.registry.cluster();
        let lease = joined.lease.iter().flat_map(|lease| lease.prefixes.iter());
        wire::FinishJoinResponse {
            not_after_unix_ms: millis(joined.certificate.not_after),
            certificate: joined.certificate.der,
            ca_certificate: safe.keys.authority.certificate().der.clone(),
            identity_id: joined.id.to_string(),
            role: role(joined.role).into(),
            name: joined.name.to_string(),
            counter: joined.counter,
            lease: lease.map(|prefix| prefix.to_string()).collect(),
            cluster_id: cluster.id.to_string(),
            cluster_prefixes: cluster.prefixes.iter().map(|prefix| prefix.to_string()).collect(),
            addresses: safe.reached.members.clone(),
            ..Default::default()
        }
    }
}

/// What a proof is bound to.
fn connection(caller: &Caller) -> Result<Exporter, ConnectError> {
    let why = "this connection has nothing that a proof can be bound to";
    caller.exporter.ok_or_else(|| ConnectError::failed_precondition(why))
}

/// What the server knows of a request by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    pub source: std::net::SocketAddr,
    pub connection: Exporter,
    pub server: Pin,
}

/// Reads a request; what it proves is not looked at.
///
/// # Errors
/// Which field is malformed.
pub(crate) fn parse(
    wire: wire::FinishJoinRequest,
    Here { source, connection, server }: Here,
) -> Result<JoinRequest, FieldError> {
    let credential = credential(wire.credential)?;
    let mesh_key = given(&wire.mesh_public_key).map(PublicKey::from_bytes).transpose();
    let credential_proof = given(&wire.credential_proof).map(CredentialProof::from_bytes);
    Ok(JoinRequest {
        source,
        connection,
        server,
        client_nonce: nonce(&wire.client_nonce)?,
        name: wire.name.parse().field("name")?,
        credential,
        request: CertificateRequest::from_der(&wire.certificate_request)
            .field("certificate_request")?,
        mesh_key: mesh_key.field("mesh_public_key")?,
        credential_proof: credential_proof.transpose().field("credential_proof")?,
        mesh_proof: given(&wire.mesh_proof)
            .map(MeshProof::from_bytes)
            .transpose()
            .field("mesh_proof")?,
        held: held(&wire.held)?,
        challenge: wire.challenge,
    })
}

fn credential(credential: Option<Credential>) -> Result<CredentialKind, FieldError> {
    match credential {
        Some(Credential::TicketId(id)) => {
            Ok(CredentialKind::Ticket(id.parse().field("ticket_id")?))
        }
        Some(Credential::SecurityKey(_)) => Ok(CredentialKind::SecurityKey),
        Some(Credential::Whitelist(_)) => Ok(CredentialKind::Whitelist),
        Some(Credential::KnownKey(_)) => Ok(CredentialKind::KnownKey),
        None => Err(FieldError::new("credential", "is missing or of an unknown kind")),
    }
}

/// Empty bytes stand for none.
fn given(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

fn nonce(bytes: &[u8]) -> Result<[u8; 32], FieldError> {
    let why = || FieldError::new("client_nonce", format!("has {} bytes, not 32", bytes.len()));
    bytes.try_into().map_err(|_| why())
}

fn held(items: &[String]) -> Result<Option<Prefixes>, FieldError> {
    if items.is_empty() {
        return Ok(None);
    }
    if items.len() > 2 {
        return Err(FieldError::new("held", format!("has {} items, at most 2 fit", items.len())));
    }
    let item = |(n, text): (usize, &String)| text.parse::<Prefix>().field(&format!("held[{n}]"));
    let prefixes = items.iter().enumerate().map(item).collect::<Result<Vec<_>, _>>()?;
    Prefixes::from_items(prefixes).map(Some).field("held")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wgcni_identity::ControlKey;

    use super::*;

    fn whole() -> wire::FinishJoinRequest {
        wire::FinishJoinRequest {
            challenge: vec![1; 100],
            client_nonce: vec![2; 32],
            name: "ash".to_owned(),
            credential: Some(Credential::TicketId("0102030405060708".to_owned())),
            certificate_request: ControlKey::generate().unwrap().request().unwrap().der().to_vec(),
            mesh_public_key: vec![9; 32],
            credential_proof: vec![3; 64],
            mesh_proof: vec![4; 32],
            held: vec!["10.64.1.0/24".to_owned()],
            ..Default::default()
        }
    }

    fn read(wire: wire::FinishJoinRequest) -> Result<JoinRequest, FieldError> {
        let here = Here {
            source: "192.0.2.1:1".parse().unwrap(),
            connection: Exporter::from_bytes([5; 32]),
            server: Pin::from_bytes([6; 32]),
        };
        parse(wire, here)
    }

    fn field(change: impl Fn(&mut wire::FinishJoinRequest)) -> String {
        let mut wire = whole();
        change(&mut wire);
        read(wire).unwrap_err().field().to_owned()
    }

    #[test]
    fn a_malformed_field_is_named() {
        assert!(read(whole()).is_ok());
        assert_eq!(field(|w| w.client_nonce.truncate(31)), "client_nonce");
        assert_eq!(field(|w| w.name = "Ash".to_owned()), "name");
        assert_eq!(field(|w| w.credential = None), "credential");
        let bad = Some(Credential::TicketId("x".to_owned()));
        assert_eq!(field(|w| w.credential.clone_from(&bad)), "ticket_id");
        assert_eq!(field(|w| w.certificate_request.truncate(50)), "certificate_request");
        assert_eq!(field(|w| w.mesh_public_key = vec![0; 32]), "mesh_public_key");
        assert_eq!(field(|w| w.mesh_public_key[31] |= 0x80), "mesh_public_key");
        assert_eq!(field(|w| w.mesh_public_key.truncate(31)), "mesh_public_key");
        assert_eq!(field(|w| w.credential_proof.truncate(63)), "credential_proof");
        assert_eq!(field(|w| w.mesh_proof.push(0)), "mesh_proof");
        assert_eq!(field(|w| w.held[0] = "0.0.0.0/0".to_owned()), "held[0]");
        assert_eq!(field(|w| w.held[0] = "10.64.1.0/24\n".to_owned()), "held[0]");
        assert_eq!(field(|w| w.held = vec!["10.64.1.0/24".to_owned(); 2]), "held");
        assert_eq!(field(|w| w.held = vec![String::new(); 9]), "held");
    }

    #[test]
    fn what_an_operator_does_not_have_may_be_empty() {
        let mut wire = whole();
        wire.mesh_public_key.clear();
        wire.mesh_proof.clear();
        let read = read(wire).unwrap();
        assert!(read.mesh_key.is_none() && read.mesh_proof.is_none());
    }
}
