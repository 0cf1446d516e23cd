//! What both ends share: which TLS is spoken, and how a server proves who it is.
//!
//! TLS 1.3 alone, X25519MLKEM768 first, Ed25519 certificates of the cluster's own CA.
//! Nothing is ever resumed: a resumed session skips the verifier, so that whoever was
//! revoked would still come in.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, PeerMisbehaved, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};
use wgcni_identity::{Certificate, Pin, Spiffe, Subject};
use wgcni_model::ClusterId;

/// HTTP/2, as ALPN calls it.
pub const H2: &[u8] = b"h2";

/// HTTP/1.1, as ALPN calls it.
pub const HTTP1: &[u8] = b"http/1.1";

/// The versions that are spoken.
pub const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// How to know a cluster's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The cluster.
    pub cluster: ClusterId,
    /// The key of its CA.
    pub ca: Pin,
}

/// A client's certificate, those that lead to the CA behind it, and its key.
pub type Credentials = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The cryptography of the channel: X25519MLKEM768 first.
pub fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![
        aws_lc_rs::kx_group::X25519MLKEM768,
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
    ];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// A client that speaks to the cluster-manager of `trust` alone, over HTTP/2; as a member
/// with `credentials`, else as anybody. Names in URLs and certificates are not looked at.
///
/// # Errors
/// When the key is not the certificate's, or cannot be used.
pub fn client_config(
    trust: &Trust,
    credentials: Option<Credentials>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Arc::new(ServerVerifier { trust: trust.clone(), algorithms });
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match credentials {
        Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
        None => config.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![H2.to_vec()];
    // The server has one certificate, whatever it is called.
    config.enable_sni = false;
    Ok(config)
}

/// Knows a cluster's server by the CA certificate that it sends, and that by its key's pin.
#[derive(Debug)]
struct ServerVerifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerVerifier {
    /// The pinned CA as the only root, out of what the server sent.
    fn roots(&self, sent: &[CertificateDer<'_>]) -> Result<RootCertStore, rustls::Error> {
        let pinned = |der: &&CertificateDer<'_>| {
            Certificate::from_der(der).is_ok_and(|read| read.is_ca && read.pin == self.trust.ca)
        };
        let ca = sent.iter().find(pinned).ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        Ok(roots)
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let roots = self.roots(intermediates)?;
        let leaf = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &[], now, algorithms)?;
        match named(end_entity, &self.trust.cluster)?.1 {
            Subject::ClusterManager => Ok(ServerCertVerified::assertion()),
            Subject::Member(..) => Err(CertificateError::NotValidForName.into()),
        }
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

/// The key of a certificate and who it names, when that is somebody of `cluster`. Says
/// nothing about whether the certificate holds.
///
/// # Errors
/// When it names nobody, or somebody of another cluster.
pub(crate) fn named(der: &[u8], cluster: &ClusterId) -> Result<(Pin, Subject), rustls::Error> {
    let read = Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding)?;
    match read.spiffe {
        Some(Spiffe { cluster: its, subject }) if its == *cluster => Ok((read.pin, subject)),
        _ => Err(CertificateError::NotValidForName.into()),
    }
}

/// Verifies a handshake's signature, which must be by an Ed25519 key as all of ours are.
pub(crate) fn verify_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    if signed.scheme != SignatureScheme::ED25519 {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
}

/// Never happens: [`VERSIONS`] has no such version.
pub(crate) fn no_tls12() -> rustls::Error {
    rustls::Error::General("TLS 1.2 is not spoken here".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;
    use wgcni_identity::{Authority, ControlKey, IdentityId, Lifetime, Role};

    #[test]
    fn a_certificate_names_somebody_of_its_own_cluster_only() {
        let lifetime = Lifetime { from: Duration::from_hours(1), length: Duration::from_hours(1) };
        let [one, two] = [1, 2].map(|n| ClusterId::from_random([n; 16]));
        let key = ControlKey::generate().unwrap();
        let authority = Authority::new(one.clone(), key, lifetime).unwrap();
        let key = ControlKey::generate().unwrap();
        let who = (Role::Node, IdentityId::from_random([3; 8]));
        let member = authority.issue_member(&key.request().unwrap(), who, lifetime, [4; 16]);
        let member = member.unwrap().der;
        let subject = Subject::Member(who.0, who.1);
        assert_eq!(named(&member, &one), Ok((key.pin(), subject)));
        assert_eq!(named(&member, &two), Err(CertificateError::NotValidForName.into()));
        let ca = &authority.certificate().der;
        assert_eq!(named(ca, &one), Err(CertificateError::NotValidForName.into()));
        assert_eq!(named(&member[1..], &one), Err(CertificateError::BadEncoding.into()));
    }
}
