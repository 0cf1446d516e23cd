//! Which TLS is spoken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, NamedGroup, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wgcni_channel::server::Caps;

use crate::support::*;

#[tokio::test]
async fn plain_http_is_refused() {
    for cluster in [main_door(Caps::main()).await, join_door(Caps::join()).await] {
        for plain in
            [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        {
            let mut tcp = TcpStream::connect(cluster.address).await.unwrap();
            tcp.write_all(plain).await.unwrap();
            let mut answer = Vec::new();
            let _ = timeout(SOON, tcp.read_to_end(&mut answer)).await.expect("it ends soon");
            // A TLS alert (content type 21), or nothing.
            assert!(answer.first().is_none_or(|kind| *kind == 21), "{answer:?}");
            assert!(answer.len() <= 7, "{answer:?}");
        }
    }
}

/// A client that takes any server.
#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    for cluster in [main_door(Caps::main()).await, join_door(Caps::join()).await] {
        let (chain, key) = cluster.node(7).credentials();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Gullible))
            .with_client_auth_cert(chain, key)
            .unwrap();
        let refused = reason(&tls(cluster.address, config).await.map(drop).unwrap_err());
        assert!(refused.contains("ProtocolVersion"), "{refused}");
    }
}

/// Remembers sessions, and counts the tickets that came.
#[derive(Debug)]
struct Hoarder(ClientSessionMemoryCache, AtomicUsize);

impl ClientSessionStore for Hoarder {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.0.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(name)
    }
}

#[tokio::test]
async fn nothing_is_resumed_so_that_a_revoked_member_is_refused_in_the_handshake() {
    let cluster = main_door(Caps::main()).await;
    let member = cluster.node(7);
    let hoarder = Arc::new(Hoarder(ClientSessionMemoryCache::new(8), AtomicUsize::new(0)));
    let mut config = member.config(&cluster.trust());
    config.resumption = Resumption::store(hoarder.clone());
    config.enable_early_data = true;
    for _ in 0..2 {
        let stream = tls(cluster.address, config.clone()).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(Client::over(stream).await.status("/").await, 200);
    }
    assert_eq!(hoarder.1.load(Ordering::SeqCst), 0);
    cluster.registry.remove(&member);
    let refused = cluster.refusal(config).await;
    assert!(refused.contains("CertificateRevoked"), "{refused}");
}
