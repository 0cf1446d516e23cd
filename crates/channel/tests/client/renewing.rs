//! Renewal.

use std::time::Duration;

use wgcni_api::identity_v1::WhoAmIRequest;
use wgcni_channel::client::{MemberFiles, RenewError, Session};

use crate::cluster::Cluster;
use crate::operator;

const CALL: Duration = Duration::from_secs(10);

/// The key that the cluster-manager sees at the other end.
async fn seen(session: &Session) -> String {
    let client = session.cluster_manager(CALL).identity;
    // A call may meet the end of the former connection.
    for _ in 0..3 {
        if let Ok(me) = client.who_am_i(WhoAmIRequest::default()).await {
            return me.into_owned().name;
        }
    }
    panic!("{:?}", session.trouble());
}

#[tokio::test]
async fn a_renewed_key_is_stored_and_used_at_once() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let files = MemberFiles::new(&directory.path().join("login"));
    let member = operator(&cluster.join).await.member;
    files.store(&member).unwrap();
    let before = member.key.pin();
    let session = Session::new(member, Some(files.clone()));
    assert_eq!(seen(&session).await, before.to_string());
    session.renew().await.unwrap();
    let after = cluster.only().key;
    assert_ne!(before, after);
    assert_eq!(seen(&session).await, after.to_string());
    let stored = files.load().unwrap().unwrap();
    assert_eq!((stored.key.pin(), stored.counter), (after, 2));
    assert_eq!(session.member().borrow().key.pin(), after);
    session.renew().await.unwrap();
    assert_eq!(cluster.only().counter, 3);
}

#[tokio::test]
async fn a_lost_renewal_is_asked_for_again_with_the_same_key_also_by_the_next_process() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let files = MemberFiles::new(&directory.path().join("login"));
    let member = operator(&cluster.join).await.member;
    files.store(&member).unwrap();
    *cluster.state.lose.lock().unwrap() = 1;
    let session = Session::new(member, Some(files.clone()));
    let error = session.renew().await.unwrap_err();
    assert!(matches!(error, RenewError::Unreachable(_)), "{error}");
    drop(session);
    let next = Session::new(files.load().unwrap().unwrap(), Some(files.clone()));
    next.renew().await.unwrap();
    assert_eq!(cluster.only().counter, 2);
    assert_eq!(files.load().unwrap().unwrap().key.pin(), cluster.only().key);
    // The same in memory.
    let alone = Cluster::start().await;
    let session = Session::new(operator(&alone.join).await.member, None);
    *alone.state.lose.lock().unwrap() = 1;
    session.renew().await.unwrap_err();
    session.renew().await.unwrap();
    assert_eq!(alone.only().counter, 2);
}

#[tokio::test]
async fn two_processes_of_one_member_renew_once() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let files = MemberFiles::new(&directory.path().join("login"));
    files.store(&operator(&cluster.join).await.member).unwrap();
    let open = || Session::new(files.load().unwrap().unwrap(), Some(files.clone()));
    let (one, two) = (open(), open());
    let (first, second) = tokio::join!(one.renew(), two.renew());
    first.unwrap();
    second.unwrap();
    assert_eq!(cluster.only().counter, 2);
    assert_eq!(seen(&one).await, seen(&two).await);
}

#[tokio::test]
async fn copied_credentials_are_refused_and_called_so() {
    let cluster = Cluster::start().await;
    let member = operator(&cluster.join).await.member;
    let (thief, owner) = (Session::new(member.clone(), None), Session::new(member, None));
    thief.renew().await.unwrap();
    let error = owner.renew().await.unwrap_err();
    assert!(matches!(error, RenewError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("copied"), "{error}");
}

#[tokio::test]
async fn a_certificate_is_renewed_at_a_third_of_its_life() {
    let cluster = Cluster::start().await;
    *cluster.state.life.lock().unwrap() = Duration::from_secs(6);
    let session = Session::new(operator(&cluster.join).await.member, None);
    let mut news = session.member();
    news.borrow_and_update();
    let keeper = session.clone();
    let keeper = tokio::spawn(async move { keeper.keep_renewed().await });
    tokio::time::timeout(Duration::from_secs(5), news.changed()).await.unwrap().unwrap();
    assert_eq!(news.borrow().counter, 2);
    keeper.abort();
}
