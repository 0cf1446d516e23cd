//! What a joiner shows: the proofs over everything that both sides saw.

use rand::TryRngCore;
use rand::rngs::OsRng;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use wgcni_api::identity_v1::finish_join_request::Credential;
use wgcni_api::identity_v1::{
    BeginJoinResponse, FinishJoinRequest, KnownKeyCredential, SecurityKeyCredential,
    WhitelistCredential,
};
use wgcni_identity::{
    Certificate, CertificateRequest, CredentialKind, Exporter, JoinCredential, MeshProof, Pin,
    Secret, Transcript,
};
use wgcni_model::{Field, FieldError, PublicKey};

use super::{JoinError, Joiner};

/// What makes a connection this connection.
pub(crate) struct Binding {
    exporter: Exporter,
    server: Pin,
}

impl Binding {
    pub(crate) fn of(stream: &TlsStream<TcpStream>) -> Result<Self, JoinError> {
        let (_, tls) = stream.get_ref();
        let exporter = tls.export_keying_material([0; 32], Exporter::LABEL, None);
        let exporter = exporter.map_err(|error| JoinError::Tls(error.to_string()))?;
        let leaf = tls.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
        let leaf = leaf.ok_or_else(|| JoinError::Tls("the server has no certificate".into()))?;
        let server = Certificate::from_der(leaf)?.pin;
        Ok(Self { exporter: Exporter::from_bytes(exporter), server })
    }
}

/// The server's part of the transcript.
struct Challenge {
    sealed: Vec<u8>,
    nonce: [u8; 32],
    ephemeral: PublicKey,
}

impl TryFrom<BeginJoinResponse> for Challenge {
    type Error = FieldError;

    fn try_from(answer: BeginJoinResponse) -> Result<Self, FieldError> {
        let nonce = answer.server_nonce.as_slice().try_into();
        let nonce = nonce.map_err(|_| FieldError::new("server_nonce", "is not of 32 bytes"))?;
        let ephemeral = PublicKey::from_bytes(&answer.server_ephemeral);
        let ephemeral = ephemeral.field("server_ephemeral")?;
        Ok(Self { sealed: answer.challenge, nonce, ephemeral })
    }
}

/// What is sent behind the answer to `BeginJoin`.
pub(crate) fn prove(
    joiner: &Joiner<'_>,
    request: &CertificateRequest,
    binding: &Binding,
    answer: BeginJoinResponse,
) -> Result<FinishJoinRequest, JoinError> {
    let challenge = Challenge::try_from(answer)?;
    let mut client_nonce = [0; 32];
    OsRng.try_fill_bytes(&mut client_nonce).map_err(|e| JoinError::Random(e.to_string()))?;
    let (kind, credential, secret) = credential(joiner);
    let mesh_key = joiner.mesh_key.map(wgcni_model::PrivateKey::public_key);
    let transcript = Transcript {
        cluster: &joiner.join.cluster,
        server: binding.server,
        connection: binding.exporter,
        challenge: &challenge.sealed,
        server_nonce: challenge.nonce,
        server_ephemeral: challenge.ephemeral,
        client_nonce,
        name: joiner.name,
        credential: kind,
        request,
        mesh_key,
    };
    let credential_proof = secret.map(|secret| secret.prove(&transcript)).transpose()?;
    let mesh_proof = joiner.mesh_key.map(|key| MeshProof::new(key, &transcript));
    Ok(FinishJoinRequest {
        client_nonce: client_nonce.to_vec(),
        name: joiner.name.to_string(),
        credential: Some(credential),
        certificate_request: request.der().to_vec(),
        mesh_public_key: mesh_key.map(|key| key.as_bytes().to_vec()).unwrap_or_default(),
        credential_proof: credential_proof.map(|p| p.as_bytes().to_vec()).unwrap_or_default(),
        mesh_proof: mesh_proof.map(|p| p.as_bytes().to_vec()).unwrap_or_default(),
        held: joiner.held.iter().map(ToString::to_string).collect(),
        challenge: challenge.sealed,
        ..FinishJoinRequest::default()
    })
}

/// What entitles the joiner: for the transcript, for the wire, and its secret.
fn credential<'a>(joiner: &'a Joiner<'_>) -> (CredentialKind, Credential, Option<&'a Secret>) {
    if joiner.known {
        let known = KnownKeyCredential::default().into();
        return (CredentialKind::KnownKey, known, None);
    }
    match &joiner.join.credential {
        JoinCredential::Ticket(id, secret) => {
            let ticket = Credential::TicketId(id.to_string());
            (CredentialKind::Ticket(*id), ticket, Some(secret))
        }
        JoinCredential::SecurityKey(secret) => {
            let key = SecurityKeyCredential::default().into();
            (CredentialKind::SecurityKey, key, Some(secret))
        }
        JoinCredential::Key => {
            (CredentialKind::Whitelist, WhitelistCredential::default().into(), None)
        }
    }
}
