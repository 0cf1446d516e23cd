//! The API over real connections, in one process.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::{Served, client, config, name, names, refusal, registration};
use connectrpc::client::{ClientConfig, Http2Connection};
use connectrpc::{ErrorCode, Protocol};
use wgcni_api::ipam_service::IpamServiceClient;
use wgcni_api::ipam_v1::{AllocateRequest, ListRequest};
use wgcni_api::watch::Event;
use wgcni_api::wireguard_v1::ListPeersRequest;
use wgcni_api::{Allocated, Claim};
use wgcni_model::{Endpoints, History, Prefixes, Revision, Snapshot};
use wgcni_store::{MemoryStore, SledStore};

#[tokio::test]
async fn lease_is_the_same_again() {
    let served = Served::new().await;
    let one = served.allocate("a").await.unwrap();
    assert_eq!(one.prefixes.to_string(), "10.64.0.0/24, fd00::/64");
    let two = served.allocate("b").await.unwrap();
    assert_eq!(two.prefixes.to_string(), "10.64.1.0/24, fd00:0:0:1::/64");
    assert_eq!(served.allocate("a").await.unwrap(), one);
    served.stop().await;
}

#[tokio::test]
async fn lease_that_is_held_already_is_given_again_where_it_is_free() {
    let served = Served::new().await;
    let held =
        Prefixes::from_items(["10.64.5.0/24", "fd00:0:0:7::/64"].map(|p| p.parse().unwrap()));
    let claim = |node: &str| Claim { node: node.parse().unwrap(), held: held.clone().ok() };
    let ask = async |claim: &Claim| {
        let answer = served.client.ipam.allocate(claim.into()).await.unwrap();
        Allocated::try_from(answer.into_owned()).unwrap().lease.prefixes.to_string()
    };
    assert_eq!(ask(&claim("a")).await, "10.64.5.0/24, fd00:0:0:7::/64");
    // Another's, and what is no lease of this cluster: no more than a wish.
    assert_eq!(ask(&claim("b")).await, "10.64.0.0/24, fd00::/64");
    let foreign = Prefixes::from_items(["10.99.0.0/24".parse().unwrap()]).ok();
    let foreign = Claim { node: "c".parse().unwrap(), held: foreign };
    assert_eq!(ask(&foreign).await, "10.64.1.0/24, fd00:0:0:1::/64");
    // Who has a lease keeps it, whatever it says.
    assert_eq!(ask(&claim("b")).await, "10.64.0.0/24, fd00::/64");
    let bad = AllocateRequest { node: "d".into(), held: vec!["x".into()], ..Default::default() };
    let (code, message) = refusal(served.client.ipam.allocate(bad).await);
    assert_eq!(code, ErrorCode::InvalidArgument);
    assert!(message.starts_with("held[0]: "), "{message}");
}

#[tokio::test]
async fn same_node_asking_many_times_at_once_gets_one_lease() {
    let served = Arc::new(Served::new().await);
    let asking = (0..64).map(|_| {
        let served = Arc::clone(&served);
        tokio::spawn(async move { served.allocate("a").await.unwrap() })
    });
    for answer in asking.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap().prefixes.to_string(), "10.64.0.0/24, fd00::/64");
    }
}

#[tokio::test]
async fn exhaustion_is_told_with_numbers_and_released_leases_rest() {
    let served = Served::new().await;
    for n in 0..16 {
        served.allocate(&name(n)).await.unwrap();
    }
    let (code, message) = refusal(served.allocate("late").await);
    assert_eq!(code, ErrorCode::ResourceExhausted);
    let expected = "lease for node late: no free IPv4 /24 in 10.64.0.0/20: 16 of 16 in use";
    assert!(message.starts_with(expected), "{message}");
    served.release(&name(3)).await;
    served.release(&name(3)).await;
    let (_, message) = refusal(served.allocate("late").await);
    assert!(
        message.contains("15 of 16 in use, 1 resting after release, next free in "),
        "{message}"
    );
    let list = served.client.ipam.list(ListRequest::default()).await.unwrap().into_owned();
    assert_eq!((list.leases.len(), list.resting.len()), (15, 1));
    let resting = list.resting[0].lease.as_option().unwrap();
    assert_eq!((&*resting.node, &*resting.prefixes[0]), ("node-3", "10.64.3.0/24"));
    assert_eq!((list.pools[0].capacity, list.pools[0].leased, list.pools[0].resting), (16, 15, 1));
}

#[tokio::test]
async fn released_lease_is_given_again_after_its_rest() {
    let config = cluster_manager::config::Config { quarantine: Duration::ZERO, ..config() };
    let served = Served::with(config, Arc::new(MemoryStore::new())).await;
    for n in 0..16 {
        served.allocate(&name(n)).await.unwrap();
    }
    served.release(&name(9)).await;
    assert_eq!(served.allocate("late").await.unwrap().prefixes.v4(), "10.64.9.0/24".parse().ok());
}

#[tokio::test]
async fn refusals_name_the_field() {
    let served = Served::new().await;
    let (code, message) = refusal(served.allocate("No Name").await);
    assert_eq!(code, ErrorCode::InvalidArgument);
    assert!(message.starts_with("node: "), "{message}");
    let (code, message) = refusal(served.register(&registration(1)).await);
    assert_eq!(code, ErrorCode::FailedPrecondition, "{message}");
    served.join(1).await;
    served.allocate(&name(2)).await.unwrap();
    for (field, thief) in [
        ("mesh_public_key", {
            let mut r = registration(2);
            r.mesh_key = registration(1).hub_key;
            r
        }),
        ("hub_public_key", {
            let mut r = registration(2);
            r.hub_key = registration(1).hub_key;
            r
        }),
    ] {
        let (code, message) = refusal(served.register(&thief).await);
        assert_eq!(code, ErrorCode::AlreadyExists);
        assert!(message.starts_with(field), "{message}");
    }
    let mut inside = registration(2);
    inside.endpoints = Endpoints::try_from(vec![
        "192.0.2.2:1".parse().unwrap(),
        "[fd00::1]:51820".parse().unwrap(),
    ])
    .unwrap();
    let (code, message) = refusal(served.register(&inside).await);
    assert_eq!(code, ErrorCode::InvalidArgument);
    assert!(
        message.starts_with("endpoints[1]: [fd00::1]:51820 is inside the overlay"),
        "{message}"
    );
    let mut same = registration(2);
    same.hub_key = same.mesh_key;
    assert_eq!(refusal(served.register(&same).await).0, ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn registering_again_is_a_sign_of_life_and_no_change() {
    let served = Served::new().await;
    let revision = served.join(1).await;
    let mut again = registration(1);
    again.applied = Revision(77);
    assert_eq!(served.register(&again).await.unwrap(), revision);
    let list = served.client.wireguard.list_peers(ListPeersRequest::default()).await.unwrap();
    let list = list.into_owned();
    assert_eq!(list.revision, revision.0);
    assert_eq!(list.peers[0].applied_revision, 77);
    assert!(list.peers[0].last_seen_unix_ms > 1_700_000_000_000);
    assert_eq!(list.peers[0].hub_public_key, registration(1).hub_key.as_bytes());
}

#[tokio::test]
async fn keys_are_free_again_once_their_node_has_others() {
    let config = cluster_manager::config::Config { takeover: Duration::ZERO, ..config() };
    let served = Served::with(config, Arc::new(MemoryStore::new())).await;
    served.join(1).await;
    served.allocate(&name(2)).await.unwrap();
    let mut rotated = registration(1);
    rotated.mesh_key = registration(3).mesh_key;
    served.register(&rotated).await.unwrap();
    let mut heir = registration(2);
    heir.mesh_key = registration(1).mesh_key;
    served.register(&heir).await.unwrap();
    served.deregister(&name(1)).await;
    let mut heir = registration(2);
    heir.hub_key = registration(1).hub_key;
    served.register(&heir).await.unwrap();
}

#[tokio::test]
async fn name_of_a_living_node_is_not_given_to_another_key() {
    let served = Served::new().await;
    served.join(1).await;
    let mut clone = registration(2);
    clone.node = name(1).parse().unwrap();
    let (code, message) = refusal(served.register(&clone).await);
    assert_eq!(code, ErrorCode::AlreadyExists);
    assert!(message.starts_with("node node-1 is alive with another key"), "{message}");
    assert!(message.contains(&registration(1).mesh_key.to_string()), "{message}");
    // The same key is the same node, whatever else is new.
    let mut moved = registration(1);
    moved.hub_key = registration(3).hub_key;
    served.register(&moved).await.unwrap();
    // Taken out: the other one gets the name, and the first does not get it back.
    served.deregister(&name(1)).await;
    let (code, message) = refusal(served.register(&registration(1)).await);
    assert_eq!(code, ErrorCode::Unavailable);
    assert!(message.contains("taken out of the mesh"), "{message}");
    served.register(&clone).await.unwrap();
    assert_eq!(refusal(served.register(&registration(1)).await).0, ErrorCode::AlreadyExists);
    let mut watcher = served.watch(Revision(0), &History::default()).await;
    let peers = watcher.snapshot().await.peers;
    assert_eq!(peers.values().map(|p| p.mesh_key).collect::<Vec<_>>(), [clone.mesh_key]);
}

#[tokio::test]
async fn stream_starts_with_all_peers_and_follows_changes() {
    let served = Served::new().await;
    served.join(1).await;
    let mut watcher = served.watch(Revision(0), &History::default()).await;
    let snapshot = watcher.snapshot().await;
    assert_eq!(names(snapshot.peers.values()), ["node-1"]);
    let peer = &snapshot.peers[&"node-1".parse().unwrap()];
    assert_eq!(peer.allowed_ips.to_string(), "10.64.0.0/24, fd00::/64");
    let revision = served.join(2).await;
    let delta = watcher.delta().await;
    assert_eq!((delta.revision, names(&delta.upserted)), (revision, vec!["node-2".to_owned()]));
    // Its lease goes, so it leaves the mesh.
    served.release(&name(1)).await;
    let delta = watcher.delta().await;
    assert_eq!(delta.removed, ["node-1".parse().unwrap()]);
    served.stop().await;
    assert_eq!(watcher.next().await, None);
}

#[tokio::test]
async fn burst_of_changes_is_one_event() {
    let served = Served::new().await;
    let mut watcher = served.watch(Revision(0), &History::default()).await;
    let mut seen = watcher.snapshot().await;
    for n in 1..=12 {
        served.allocate(&name(n)).await.unwrap();
    }
    let mut last = Revision(0);
    for n in 1..=12 {
        last = served.register(&registration(n)).await.unwrap();
    }
    let mut events = 0;
    while seen.revision < last {
        seen.apply(watcher.delta().await).unwrap();
        events += 1;
    }
    assert!(events < 12, "{events} events");
    assert_eq!(seen.peers.len(), 12);
    // Leases alone are no news.
    served.allocate("quiet").await.unwrap();
    let revision = served.join(13).await;
    assert_eq!(watcher.delta().await.revision, revision);
}

#[tokio::test]
async fn silence_is_filled_with_heartbeats() {
    let config =
        cluster_manager::config::Config { heartbeat: Duration::from_millis(20), ..config() };
    let served = Served::with(config, Arc::new(MemoryStore::new())).await;
    let mut watcher = served.watch(Revision(0), &History::default()).await;
    watcher.snapshot().await;
    assert!(matches!(watcher.next().await, Some(Event::Heartbeat(_))));
    assert!(matches!(watcher.next().await, Some(Event::Heartbeat(_))));
}

#[tokio::test]
async fn reader_that_was_away_gets_what_it_missed() {
    let served = Served::new().await;
    served.join(1).await;
    let mut watcher = served.watch(Revision(0), &History::default()).await;
    let seen = watcher.snapshot().await;
    drop(watcher);
    served.join(2).await;
    served.deregister(&name(1)).await;
    let mut watcher = served.watch(seen.revision, &seen.history).await;
    let delta = watcher.delta().await;
    assert_eq!(names(&delta.upserted), ["node-2"]);
    assert_eq!(delta.removed, ["node-1".parse().unwrap()]);
    // Nothing missed: alive, and no event.
    let mut current = served.watch(delta.revision, &seen.history).await;
    assert_eq!(current.next().await, Some(Event::Heartbeat(seen.history.clone())));
    // Of another history, or from the future: everything.
    let mut foreign = served.watch(seen.revision, &History::from_random([1; 16])).await;
    assert_eq!(names(foreign.snapshot().await.peers.values()), ["node-2"]);
    let mut ahead = served.watch(Revision(1 << 40), &seen.history).await;
    assert_eq!(names(ahead.snapshot().await.peers.values()), ["node-2"]);
}

#[tokio::test]
async fn restart_keeps_history_so_readers_resume() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let open = || Arc::new(SledStore::open(&path).unwrap());
    let served = Served::with(config(), open()).await;
    served.join(1).await;
    served.join(2).await;
    let mut watcher = served.watch(Revision(0), &History::default()).await;
    let seen = watcher.snapshot().await;
    served.deregister(&name(1)).await;
    let lease = served.allocate(&name(2)).await.unwrap();
    served.stop().await;
    drop(watcher);
    for _ in 0..3 {
        Served::with(config(), open()).await.stop().await;
    }
    let served = Served::with(config(), open()).await;
    let mut watcher = served.watch(seen.revision, &seen.history).await;
    let delta = watcher.delta().await;
    assert_eq!((delta.upserted.len(), &delta.removed[..]), (0, &["node-1".parse().unwrap()][..]));
    assert_eq!(served.allocate(&name(2)).await.unwrap(), lease);
    let list = served.client.wireguard.list_peers(ListPeersRequest::default()).await.unwrap();
    assert_eq!(list.into_owned().peers[0].last_seen_unix_ms, 0);
}

#[tokio::test]
async fn store_from_a_backup_is_not_taken_for_what_followed_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let serve =
        async |name| Served::with(config(), Arc::new(SledStore::open(&path(name)).unwrap())).await;
    let served = serve("store").await;
    served.join(1).await;
    let before = served.watch(Revision(0), &History::default()).await.snapshot().await;
    served.stop().await;
    let copied = Command::new("cp").arg("-a").args([path("store"), path("backup")]).status();
    assert!(copied.unwrap().success());
    let served = serve("store").await;
    served.join(2).await;
    let after = served.watch(Revision(0), &History::default()).await.snapshot().await;
    served.stop().await;

    let served = serve("backup").await;
    served.join(3).await;
    served.join(4).await;
    let first = async |seen: &Snapshot| {
        served.watch(seen.revision, &seen.history).await.next().await.unwrap()
    };
    let Event::Delta(delta) = first(&before).await else { panic!("the backup is its future") };
    assert_eq!(names(&delta.upserted), ["node-4", "node-3"]);
    assert!(delta.revision > after.revision);
    let Event::Snapshot { peers, supersedes } = first(&after).await else { panic!("unknown") };
    assert_eq!((names(peers.peers.values()), supersedes), ([1, 3, 4].map(name).to_vec(), false));
    // Who holds nothing cannot hold too much.
    let Event::Snapshot { supersedes, .. } = first(&Snapshot::default()).await else { panic!() };
    assert!(supersedes);
}

#[tokio::test]
async fn store_of_another_cluster_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let served = Served::with(config(), Arc::<MemoryStore>::clone(&store)).await;
    served.allocate("a").await.unwrap();
    served.stop().await;
    let mut other = config();
    other.lease_lengths.v4 = 25;
    let served = Served::with(other, store).await;
    let error = served.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("/24") && error.contains("/25"), "{error}");
}

#[tokio::test]
async fn grpc_and_health_are_served_on_the_same_port() {
    let served = Served::new().await;
    let uri: http::Uri = format!("http://{}", served.address).parse().unwrap();
    let connection = Http2Connection::builder().lazy_plaintext(uri.clone()).shared(8);
    let grpc = ClientConfig::new(uri).with_protocol(Protocol::Grpc);
    let ipam = IpamServiceClient::new(connection.clone(), grpc.clone());
    let request = AllocateRequest { node: "a".to_owned(), ..Default::default() };
    let answer = ipam.allocate(request).await.unwrap().into_owned();
    assert_eq!(answer.lease.as_option().unwrap().node, "a");
    let (code, message) = refusal(
        ipam.allocate(AllocateRequest { node: "B".to_owned(), ..Default::default() }).await,
    );
    assert_eq!(code, ErrorCode::InvalidArgument);
    assert!(message.starts_with("node: "), "{message}");
    let health = connectrpc_health::HealthClient::new(connection, grpc);
    health.check(<_>::default()).await.unwrap();
}

#[tokio::test]
async fn oversized_requests_are_refused() {
    let served = Served::new().await;
    let (code, _) = refusal(
        client(served.address)
            .ipam
            .allocate(AllocateRequest { node: "a".repeat(100_000), ..Default::default() })
            .await,
    );
    assert_eq!(code, ErrorCode::ResourceExhausted);
}
