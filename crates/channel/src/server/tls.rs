//! The server's TLS: who has to show a certificate, and which one is good.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use wgcni_identity::{IdentityId, Pin, Role, Subject};
use wgcni_model::ClusterId;

use super::{Door, Gate, ServerError, ServerKey};
use crate::tls::{H2, HTTP1, VERSIONS, named, no_tls12, provider, verify_signature};

/// The configuration of one listener.
pub(super) fn config(key: &ServerKey, door: &Door) -> Result<ServerConfig, ServerError> {
    let config =
        ServerConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    let config = match door {
        Door::Members(gate) => {
            config.with_client_cert_verifier(Arc::new(MemberVerifier::new(key, gate)?))
        }
        Door::Anyone => config.with_no_client_auth(),
    };
    let mut config = config.with_cert_resolver(Arc::new(key.clone()));
    config.alpn_protocols = match door {
        Door::Members(_) => vec![H2.to_vec()],
        Door::Anyone => vec![H2.to_vec(), HTTP1.to_vec()],
    };
    // A resumed session would skip the verifier.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Lets in whoever has a certificate of this cluster's CA, for a member, that the gate
/// admits.
struct MemberVerifier {
    cluster: ClusterId,
    gate: Arc<dyn Gate>,
    chain: Arc<dyn ClientCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl MemberVerifier {
    fn new(key: &ServerKey, gate: &Arc<dyn Gate>) -> Result<Self, ServerError> {
        let mut roots = RootCertStore::empty();
        roots.add(key.ca().clone())?;
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let chain = chain.build().map_err(|error| rustls::Error::General(error.to_string()))?;
        let cluster = key.cluster().clone();
        Ok(Self { cluster, gate: Arc::clone(gate), chain, algorithms })
    }
}

/// The member that a certificate names; whether it holds was verified before.
pub(super) fn member(
    der: &[u8],
    cluster: &ClusterId,
) -> Result<(Role, IdentityId, Pin), rustls::Error> {
    match named(der, cluster)? {
        (key, Subject::Member(role, id)) => Ok((role, id, key)),
        (_, Subject::ClusterManager) => Err(CertificateError::NotValidForName.into()),
    }
}

impl ClientCertVerifier for MemberVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A client has one certificate, if any.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        let (role, id, key) = member(end_entity, &self.cluster)?;
        if !self.gate.admits(role, id, key) {
            tracing::info!(%role, %id, "refuse a handshake: no member any more");
            return Err(CertificateError::Revoked.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl std::fmt::Debug for MemberVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberVerifier").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
