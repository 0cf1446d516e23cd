//! Joining.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wgcni_api::identity_v1::WhoAmIRequest;
use wgcni_channel::client::{JoinError, Session, Why, join};
use wgcni_identity::{JoinCredential, Role, Secret};
use wgcni_model::PrivateKey;

use crate::cluster::{Cluster, now};
use crate::{name, node, operator};

const CALL: Duration = Duration::from_secs(10);

fn mesh() -> PrivateKey {
    PrivateKey::from_random([2; 32])
}

/// An address where nobody listens.
async fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// An address where somebody speaks, but not TLS.
async fn plain() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn whoever_proves_all_joins_and_is_known_at_the_main_listener() {
    let cluster = Cluster::start().await;
    for credential in [
        cluster.join.credential.clone(),
        JoinCredential::SecurityKey(Secret::from_random([9; 32])),
        JoinCredential::Key,
    ] {
        let string = wgcni_identity::JoinString { credential, ..cluster.join.clone() };
        let joined = join(node(&string, &name(), &mesh())).await.unwrap();
        assert_eq!(joined.member.role, Role::Node);
        assert_eq!(joined.lease.unwrap().to_string(), "10.64.3.0/24");
        assert_eq!(joined.cluster.id, cluster.join.cluster);
        let (id, pin) = (joined.member.id, joined.member.key.pin());
        let session = Session::new(joined.member, None);
        let me = session.cluster_manager(CALL).identity.who_am_i(WhoAmIRequest::default()).await;
        let me = me.unwrap().into_owned();
        assert_eq!((me.name, me.identity_id), (pin.to_string(), id.to_string()));
        assert_eq!(session.trouble(), None);
    }
    let joined = operator(&cluster.join).await;
    assert_eq!((joined.member.role, joined.lease), (Role::Operator, None));
}

#[tokio::test]
async fn a_known_key_joins_without_the_strings_credential() {
    let cluster = Cluster::start().await;
    let (name, mesh) = (name(), mesh());
    let known = wgcni_channel::client::Joiner { known: true, ..node(&cluster.join, &name, &mesh) };
    join(known).await.unwrap();
}

#[tokio::test]
async fn addresses_are_tried_in_order_until_one_does() {
    let cluster = Cluster::start().await;
    let mut string = cluster.join.clone();
    let (closed, plain) = (closed().await, plain().await);
    string.addresses = vec![closed.clone(), plain.clone()];
    let error = join(node(&string, &name(), &mesh())).await.unwrap_err();
    let JoinError::Unreachable(unreachable) = &error else { panic!("{error}") };
    let tried: Vec<_> = unreachable.tried.iter().map(|attempt| &attempt.address).collect();
    assert_eq!(tried, [&closed, &plain]);
    assert!(matches!(unreachable.tried[0].why, Why::Nobody(_)), "{error}");
    assert_eq!(unreachable.tried[1].why, Why::NotTls, "{error}");
    string.addresses.push(cluster.join_address.to_string());
    join(node(&string, &name(), &mesh())).await.unwrap();
    assert_eq!(cluster.calls(), ["begin", "finish"]);
}

#[tokio::test]
async fn a_refusal_is_final_and_says_where_the_reason_is() {
    let cluster = Cluster::start().await;
    *cluster.state.refuse.lock().unwrap() = true;
    let mut string = cluster.join.clone();
    string.addresses.push(cluster.join_address.to_string());
    let error = join(node(&string, &name(), &mesh())).await.unwrap_err();
    assert!(matches!(error, JoinError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("wgcni audit tail"), "{error}");
    assert_eq!(cluster.calls(), ["begin", "finish"]);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let cluster = Cluster::start().await;
    *cluster.state.lose.lock().unwrap() = 1;
    let joined = join(node(&cluster.join, &name(), &mesh())).await.unwrap();
    assert_eq!(cluster.calls(), ["begin", "finish", "begin", "finish"]);
    assert_eq!(cluster.only().key, joined.member.key.pin());
    // Not for ever.
    *cluster.state.lose.lock().unwrap() = 9;
    let error = join(node(&cluster.join, &name(), &mesh())).await.unwrap_err();
    assert!(matches!(error, JoinError::Unreachable(_)), "{error}");
    assert_eq!(cluster.calls().len(), 8);
}

#[tokio::test]
async fn another_clusters_server_is_told_nothing() {
    let (cluster, other) = (Cluster::start().await, Cluster::start().await);
    let mut string = cluster.join.clone();
    string.addresses = vec![other.join_address.to_string()];
    let error = join(node(&string, &name(), &mesh())).await.unwrap_err();
    assert!(error.to_string().contains("not the cluster-manager of this cluster"), "{error}");
    // The CA alone is not enough: it must be this cluster's name, too.
    string.ca = other.join.ca;
    let error = join(node(&string, &name(), &mesh())).await.unwrap_err();
    assert!(error.to_string().contains("not the cluster-manager of this cluster"), "{error}");
    assert!(other.calls().is_empty());
}

#[tokio::test]
async fn wrong_clocks_are_called_so() {
    let apart = Duration::from_hours(48);
    for time in [now().checked_sub(apart).unwrap(), now() + apart] {
        let cluster = Cluster::start_at(time).await;
        let error = join(node(&cluster.join, &name(), &mesh())).await.unwrap_err();
        assert!(error.to_string().contains("set the clocks"), "{error}");
    }
}

#[tokio::test]
async fn a_revoked_member_is_told_what_to_do() {
    let cluster = Cluster::start().await;
    let session = Session::new(operator(&cluster.join).await.member, None);
    let client = session.cluster_manager(CALL).identity;
    client.who_am_i(WhoAmIRequest::default()).await.unwrap();
    cluster.revoke_all();
    while client.who_am_i(WhoAmIRequest::default()).await.is_ok() {}
    let mut trouble = session.trouble();
    while trouble.is_none() {
        let _ = client.who_am_i(WhoAmIRequest::default()).await;
        trouble = session.trouble();
    }
    assert!(trouble.as_ref().unwrap().contains("join again"), "{trouble:?}");
    assert!(session.is_refused());
    // Whoever joins again goes on over the same session.
    session.replace(operator(&cluster.join).await.member);
    assert!(!session.is_refused());
    while client.who_am_i(WhoAmIRequest::default()).await.is_err() {}
}
