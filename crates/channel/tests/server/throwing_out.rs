//! How members are thrown out, and how connections end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use wgcni_channel::server::{Caps, Door, Gate};
use wgcni_identity::{IdentityId, Pin, Role};

use crate::support::*;

#[tokio::test]
async fn revocation_cuts_streams_under_way_at_once_and_no_others() {
    let cluster = main_door(Caps::main()).await;
    let (out, stays) = (cluster.node(7), cluster.node(8));
    let (mut client, mut other) = (cluster.connect(&out).await, cluster.connect(&stays).await);
    let mut stream = client.get("/endless").await.unwrap();
    let mut others = other.get("/endless").await.unwrap();
    assert_eq!(chunk(&mut stream).await.unwrap(), "tick");
    cluster.registry.remove(&out);
    let keep = |role, id, key| cluster.registry.admits(role, id, key);
    assert_eq!((cluster.live.count(), cluster.live.retain(keep)), (2, 1));
    assert_eq!((cluster.live.count(), cluster.live.retain(keep)), (1, 0));
    ends(stream).await;
    client.ends().await;
    for _ in 0..5 {
        assert_eq!(chunk(&mut others).await.unwrap(), "tick");
    }
}

#[tokio::test]
async fn a_request_of_somebody_who_is_no_member_any_more_is_refused_and_the_connection_ends() {
    let cluster = main_door(Caps::main()).await;
    let member = cluster.node(7);
    let mut client = cluster.connect(&member).await;
    assert_eq!(client.status("/").await, 200);
    let stream = client.get("/endless").await.unwrap();
    cluster.registry.remove(&member);
    assert_eq!(client.status("/").await, 401);
    ends(stream).await;
    client.ends().await;
}

/// Lets in whoever asks first, and that once.
struct Once(AtomicUsize);

impl Gate for Once {
    fn admits(&self, _: Role, _: IdentityId, _: Pin) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) == 0
    }
}

#[tokio::test]
async fn whoever_is_revoked_right_after_the_handshake_asked_is_dropped_before_any_request() {
    let gate = Arc::new(Once(AtomicUsize::new(0)));
    let cluster = serve(Door::Members(gate.clone()), Arc::default(), Caps::main()).await;
    let member = node(&cluster.authority, 7, today());
    let mut stream = tls(cluster.address, member.config(&cluster.trust())).await.unwrap();
    let mut byte = [0];
    let read = timeout(SOON, stream.read(&mut byte)).await.expect("the connection ends soon");
    assert!(!matches!(read, Ok(1)), "no byte of HTTP comes");
    assert_eq!(gate.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn one_connection_too_many_cuts_the_members_oldest() {
    let cluster = main_door(Caps { per_identity: 2, ..Caps::main() }).await;
    let member = cluster.node(7);
    let mut oldest = cluster.connect(&member).await;
    let stream = oldest.get("/endless").await.unwrap();
    let mut second = cluster.connect(&member).await;
    assert_eq!(second.status("/").await, 200);
    let mut third = cluster.connect(&member).await;
    assert_eq!(third.status("/").await, 200);
    ends(stream).await;
    oldest.ends().await;
    assert_eq!((second.status("/").await.as_u16(), third.status("/").await.as_u16()), (200, 200));
}

#[tokio::test]
async fn an_old_connection_is_asked_to_go_and_then_cut() {
    let cluster = main_door(Caps { age: 5 * SHORT, grace: SHORT, ..Caps::main() }).await;
    let member = cluster.node(7);
    let mut client = cluster.connect(&member).await;
    let mut stream = client.get("/endless").await.unwrap();
    assert_eq!(chunk(&mut stream).await.unwrap(), "tick");
    ends(stream).await;
    client.ends().await;
    assert_eq!(cluster.connect(&member).await.status("/").await, 200);
}

#[tokio::test]
async fn shutdown_lets_requests_under_way_end_and_cuts_the_rest() {
    let cluster = main_door(Caps { grace: 10 * SHORT, ..Caps::main() }).await;
    let member = cluster.node(7);
    let mut client = cluster.connect(&member).await;
    let stream = client.get("/endless").await.unwrap();
    let late = tokio::spawn({
        let mut sender = client.sender.clone();
        async move { sender.send_request(request("/late")).await }
    });
    // The request is on its way when the answer to a later one is here.
    tokio::task::yield_now().await;
    assert_eq!(client.status("/").await, 200);
    cluster.shutdown.cancel();
    assert_eq!(late.await.unwrap().unwrap().status(), 200);
    ends(stream).await;
    timeout(SOON, cluster.task).await.expect("it ends soon").unwrap();
}
