//! Who gets in.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, NamedGroup, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use wgcni_channel::server::{Caller, Caps, Door, ServerKey};
use wgcni_channel::tls::{Credentials, client_config};
use wgcni_identity::{ControlKey, Exporter, Lifetime};

use crate::support::*;

fn yesterday() -> Lifetime {
    Lifetime { from: now().saturating_sub(2 * DAY), length: DAY }
}

#[tokio::test]
async fn a_member_is_known_by_its_certificate_and_its_connection() {
    let cluster = main_door(Caps::main()).await;
    let member = cluster.node(7);
    let stream = tls(cluster.address, member.config(&cluster.trust())).await.unwrap();
    let connection = stream.get_ref().1;
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    assert_eq!(connection.alpn_protocol(), Some(&b"h2"[..]));
    let mine = connection.export_keying_material([0; 32], Exporter::LABEL, None).unwrap();
    let mut client = Client::over(stream).await;
    let answer = client.get("/exporter").await.unwrap();
    assert_eq!(
        http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes(),
        mine[..]
    );
    assert_eq!(text(client.get("/").await.unwrap()).await, Cluster::expected(&member));
    assert_eq!(cluster.live.count(), 1);
}

#[tokio::test]
async fn without_a_certificate_the_main_door_stays_closed() {
    let cluster = main_door(Caps::main()).await;
    let config = client_config(&cluster.trust(), None).unwrap();
    let refused = cluster.refusal(config).await;
    assert!(refused.contains("CertificateRequired"), "{refused}");
}

#[tokio::test]
async fn a_certificate_that_the_registry_does_not_know_is_refused_in_the_handshake() {
    let cluster = main_door(Caps::main()).await;
    let stranger = node(&cluster.authority, 7, today());
    let refused = cluster.refusal(stranger.config(&cluster.trust())).await;
    assert!(refused.contains("CertificateRevoked"), "{refused}");
}

#[tokio::test]
async fn whoever_is_refused_can_read_why_whatever_was_sent_meanwhile() {
    let cluster = main_door(Caps::main()).await;
    let stranger = node(&cluster.authority, 7, today());
    let mut stream = tls(cluster.address, stranger.config(&cluster.trust())).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&[0; 8 * 1024]).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(SHORT).await;
    }
    let refused = timeout(SOON, stream.read_u8()).await.expect("it ends soon").unwrap_err();
    assert!(reason(&refused).contains("CertificateRevoked"), "{refused}");
}

#[tokio::test]
async fn another_clusters_certificate_is_refused() {
    let cluster = main_door(Caps::main()).await;
    let other = authority(2, ControlKey::generate().unwrap());
    let member = node(&other, 7, today());
    cluster.registry.add(&member);
    let refused = cluster.refusal(member.config(&cluster.trust())).await;
    assert!(refused.contains("UnknownCA") || refused.contains("DecryptError"), "{refused}");
}

#[tokio::test]
async fn a_certificate_that_names_another_cluster_is_refused_whoever_signed_it() {
    let key = ControlKey::generate().unwrap();
    let twin = authority(2, ControlKey::from_pem(&key.to_pem()).unwrap());
    let ours = authority(1, key);
    let server = ServerKey::new(&ours, &[], now()).unwrap();
    let registry = Arc::new(Registry::default());
    let door = Door::Members(registry.clone());
    let cluster = serve_as(ours, server, door, registry, Caps::main()).await;
    let member = node(&twin, 7, today());
    cluster.registry.add(&member);
    let refused = cluster.refusal(member.config(&cluster.trust())).await;
    assert!(refused.contains("UnknownCA"), "{refused}");
    let mine = cluster.node(8);
    let refused = cluster.refusal(mine.config(&trust(&twin))).await;
    assert!(refused.contains("NotValidForName"), "{refused}");
    assert_eq!(cluster.who(mine.config(&cluster.trust())).await, Cluster::expected(&mine));
}

#[tokio::test]
async fn a_servers_certificate_is_no_members() {
    let cluster = main_door(Caps::main()).await;
    let key = ControlKey::generate().unwrap();
    let issued = cluster.authority.issue_server(&key, &[], today(), [3; 16]).unwrap();
    let config = client_config(&cluster.trust(), Some(credentials(&key, issued.der))).unwrap();
    let refused = cluster.refusal(config).await;
    assert!(refused.contains("UnsupportedCertificate"), "{refused}");
}

#[tokio::test]
async fn a_members_certificate_is_no_servers() {
    let ours = authority(1, ControlKey::generate().unwrap());
    let (mut chain, key) = node(&ours, 7, today()).credentials();
    chain.push(ours.certificate().der.clone().into());
    let refused =
        refusal_of_server((chain, key), client_config(&trust(&ours), None).unwrap()).await;
    assert!(refused.contains("extended key usage"), "{refused}");
}

#[tokio::test]
async fn a_server_without_the_pinned_ca_is_refused() {
    let ours = authority(1, ControlKey::generate().unwrap());
    let theirs = authority(1, ControlKey::generate().unwrap());
    let key = ControlKey::generate().unwrap();
    let leaf = theirs.issue_server(&key, &[], today(), [3; 16]).unwrap();
    let ca = |der: &[u8]| CertificateDer::from(der.to_vec());
    let (mut chain, key) = credentials(&key, leaf.der);
    chain.push(ca(&theirs.certificate().der));
    let config = || client_config(&trust(&ours), None).unwrap();
    let refused = refusal_of_server((chain.clone(), key.clone_key()), config()).await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    // The CA that is pinned is public: to send it, too, helps nobody.
    chain.insert(1, ca(&ours.certificate().der));
    let refused = refusal_of_server((chain, key), config()).await;
    assert!(refused.contains("invalid peer certificate"), "{refused}");
}

/// What a client says of a server with these credentials.
async fn refusal_of_server((chain, key): Credentials, client: ClientConfig) -> String {
    let config = ServerConfig::builder_with_provider(wgcni_channel::tls::provider())
        .with_protocol_versions(wgcni_channel::tls::VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server =
        tokio::spawn(async move { acceptor.accept(listener.accept().await.unwrap().0).await });
    let refused = tls(address, client).await.map(drop).unwrap_err();
    assert!(server.await.unwrap().is_err());
    reason(&refused)
}

#[tokio::test]
async fn expired_certificates_are_refused_at_both_ends() {
    let cluster = main_door(Caps::main()).await;
    let old = node(&cluster.authority, 7, yesterday());
    cluster.registry.add(&old);
    let refused = cluster.refusal(old.config(&cluster.trust())).await;
    assert!(refused.contains("CertificateExpired"), "{refused}");
    let early = node(&cluster.authority, 8, Lifetime { from: now() + DAY, length: DAY });
    cluster.registry.add(&early);
    let refused = cluster.refusal(early.config(&cluster.trust())).await;
    assert!(refused.contains("BadCertificate") || refused.contains("Expired"), "{refused}");
    let member = cluster.node(9);
    cluster.key.renew(&cluster.authority, &[], yesterday().from).unwrap();
    let refused = cluster.refusal(member.config(&cluster.trust())).await;
    assert!(refused.contains("certificate expired"), "{refused}");
    cluster.key.renew(&cluster.authority, &[], now()).unwrap();
    assert_eq!(cluster.who(member.config(&cluster.trust())).await, Cluster::expected(&member));
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_keeps_the_old_ones() {
    let cluster = main_door(Caps::main()).await;
    let member = cluster.node(7);
    let leaf = |stream: &tokio_rustls::client::TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let first = tls(cluster.address, member.config(&cluster.trust())).await.unwrap();
    let (before, pin) = (leaf(&first), cluster.key.pin());
    let mut client = Client::over(first).await;
    assert_eq!(client.status("/").await, 200);
    cluster.key.renew(&cluster.authority, &["localhost".into()], now()).unwrap();
    assert_eq!(cluster.key.pin(), pin);
    let second = tls(cluster.address, member.config(&cluster.trust())).await.unwrap();
    assert_ne!(leaf(&second), before);
    assert_eq!(client.status("/").await, 200);
}

#[tokio::test]
async fn the_join_door_asks_for_no_certificate_and_speaks_http_1_too() {
    let cluster = join_door(Caps::join()).await;
    let config = client_config(&cluster.trust(), None).unwrap();
    assert_eq!(cluster.who(config.clone()).await, "Anonymous");
    // A member's certificate is not even asked for.
    let member = cluster.node(7).config(&cluster.trust());
    assert_eq!(cluster.who(member).await, "Anonymous");
    let mut http1 = config;
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut stream = tls(cluster.address, http1).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Anonymous"), "{answer}");
}

#[tokio::test]
async fn whoever_is_served_elsewhere_is_a_caller_too() {
    let who = axum::routing::get(async |axum::Extension(caller): axum::Extension<Caller>| {
        format!("{:?} {}", caller.who, caller.source)
    });
    for (caller, expected) in
        [(Caller::root(), "Root [::]:0"), (Caller::plaintext(), "Plaintext [::]:0")]
    {
        let router = axum::Router::new().route("/", who.clone()).layer(caller.layer());
        let answer = tower::ServiceExt::oneshot(router, request("/")).await.unwrap();
        let said = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        assert_eq!(said, expected);
    }
}
