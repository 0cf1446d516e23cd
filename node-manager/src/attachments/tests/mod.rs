//! Attachments over a store and a recording kernel.
#![allow(clippy::unwrap_used)]

mod any_order;
mod node;
mod reclaim;

use super::*;
use crate::tombstones::Tombstones;
use futures::future::join_all;
use node::{Disk, Node, Recorder, key, membership, one, request, wanting};
use std::collections::{BTreeMap, BTreeSet};
use wgcni_store::{MemoryStore, Transaction};

pub(crate) use reclaim::record;

#[tokio::test]
async fn second_attach_in_the_same_namespace_is_refused_and_touches_nothing() {
    let node = Node::new().await;
    let first = node.attach(&request("a", 1, 1)).await.unwrap();
    let before = (node.peers(), node.disk.load());
    let error = node.attach(&request("a", 1, 2)).await.unwrap_err();
    assert!(matches!(error, AttachError::Exists(..)), "{error}");
    assert_eq!((node.peers(), node.disk.load()), before);
    assert_eq!(first, one("10.64.1.2"));
}

#[tokio::test]
async fn another_namespace_or_boot_replaces_the_attachment_and_keeps_the_address() {
    let node = Node::new().await;
    let first = node.attach(&request("a", 1, 1)).await.unwrap();
    assert_eq!(node.attach(&request("a", 2, 2)).await.unwrap(), first);
    let new = request("a", 2, 2).public_key;
    assert_eq!(node.peers(), BTreeMap::from([(new, first)]));
    // The same numbers in another boot are another namespace.
    let node = node.restart("boot-2").await;
    assert!(node.peers().is_empty());
    assert_ne!(node.attach(&request("b", 2, 4)).await.unwrap(), first);
    assert_eq!(node.attach(&request("a", 2, 3)).await.unwrap(), first);
}

#[tokio::test]
async fn who_is_attached_again_gets_its_last_address_unless_it_is_taken() {
    let node = Node::new().await;
    let first = node.attach(&request("a", 1, 1)).await.unwrap();
    node.detach(&key("a")).await;
    let elsewhere = node.attach(&wanting(request("a", 1, 2), "10.64.1.9")).await.unwrap();
    node.detach(&key("a")).await;
    assert_eq!(node.attach(&request("a", 1, 3)).await.unwrap(), elsewhere);
    node.detach(&key("a")).await;
    let node = node.restart("boot-1").await;
    assert_ne!(node.attach(&request("b", 2, 4)).await.unwrap(), first);
    assert_eq!(node.attach(&request("a", 1, 5)).await.unwrap(), elsewhere);
}

#[tokio::test]
async fn attachments_survive_a_restart_and_unfinished_ones_do_not() {
    let node = Node::new().await;
    let kept = node.attach(&request("kept", 1, 1)).await.unwrap();
    node.attach(&request("half", 2, 2)).await.unwrap();
    let mut half = node.attachments.get(&key("half")).unwrap();
    half.phase = record::Phase::Pending;
    let unfinished = Transaction::new().put(&half.name(), record::encode(&half));
    node.disk.commit(unfinished).await.unwrap();
    let node = node.restart("boot-1").await;
    assert_eq!(node.peers(), BTreeMap::from([(request("kept", 1, 1).public_key, kept)]));
    assert!(node.attach(&request("half", 2, 3)).await.is_ok());
}

#[tokio::test]
async fn wanted_addresses_are_given_when_free_or_last_held() {
    let node = Node::new().await;
    let nine = wanting(request("a", 1, 1), "10.64.1.9");
    assert_eq!(node.attach(&nine).await.unwrap(), one("10.64.1.9"));
    node.detach(&key("a")).await;
    let error = node.attach(&wanting(request("b", 2, 2), "10.64.1.9")).await.unwrap_err();
    assert!(error.to_string().contains("10.64.1.9/32 is not free"), "{error}");
    for taken in ["10.64.1.1", "10.64.1.255", "10.65.0.1"] {
        assert!(node.attach(&wanting(request("b", 2, 2), taken)).await.is_err(), "{taken}");
    }
    let node = node.restart("boot-1").await;
    assert_eq!(node.attach(&nine).await.unwrap(), one("10.64.1.9"));
    assert_eq!(node.peers().len(), 1);
}

#[tokio::test]
async fn attach_that_the_kernel_refuses_leaves_nothing() {
    let node = Node::new().await;
    node.attach(&request("a", 1, 1)).await.unwrap();
    node.refuse(true);
    let error = node.attach(&request("b", 2, 2)).await.unwrap_err();
    assert!(crate::errors::chain(&error).ends_with("no buffer space"), "{error:?}");
    node.refuse(false);
    assert_eq!(node.attachments.usage().0, 1);
    node.attach(&request("c", 3, 3)).await.unwrap();
    let keys: BTreeSet<PublicKey> = node.peers().into_keys().collect();
    let wanted = [request("a", 1, 1), request("c", 3, 3)].map(|r| r.public_key);
    assert_eq!(keys, BTreeSet::from(wanted));
    let records = node.disk.load().records;
    assert!(!records.keys().any(|name| name.as_str().contains("/b/")), "{records:?}");
}

#[tokio::test]
async fn detach_undoes_only_the_attachment_that_is_meant() {
    let node = Node::new().await;
    node.attach(&request("a", 1, 1)).await.unwrap();
    let other = Some(request("a", 1, 9).public_key);
    node.attachments
        .detach(Detach { key: key("a"), public_key: other, started: None })
        .await
        .unwrap();
    node.attachments.detach_before(&key("a"), UNIX_EPOCH).await.unwrap();
    assert_eq!(node.peers().len(), 1);
    let own = Some(request("a", 1, 1).public_key);
    node.attachments
        .detach(Detach { key: key("a"), public_key: own, started: None })
        .await
        .unwrap();
    assert!(node.peers().is_empty());
    node.detach(&key("a")).await;
    node.detach(&key("never-there")).await;
}

#[tokio::test]
async fn detach_that_comes_during_an_attach_wins() {
    let node = Node::new().await;
    for n in 1..=20 {
        let attachments = Arc::clone(&node.attachments);
        let attach =
            tokio::spawn(async move { attachments.attach(request("a", 1, n), 1420).await });
        tokio::task::yield_now().await;
        node.detach(&key("a")).await;
        attach.await.unwrap().unwrap();
        assert!(node.peers().is_empty());
    }
}

#[tokio::test]
async fn attach_that_began_before_a_detach_and_arrives_after_is_refused() {
    let node = Node::new().await;
    let at = |seconds| Some(Duration::from_secs(seconds));
    let began = |seconds| Attach { started: at(seconds), ..request("a", 1, 1) };
    let end = |public_key, seconds| Detach { key: key("a"), public_key, started: at(seconds) };
    node.attachments.detach(end(None, 10)).await.unwrap();
    let error = node.attach(&began(9)).await.unwrap_err();
    assert!(matches!(error, AttachError::Late(_)), "{error}");
    assert!(node.peers().is_empty());
    // One that takes itself back is nobody's DEL.
    node.attachments.detach(end(Some(began(0).public_key), 20)).await.unwrap();
    node.attach(&began(11)).await.unwrap();
    node.detach(&key("a")).await;
    node.attach(&request("a", 1, 1)).await.unwrap();
}

#[tokio::test]
async fn a_namespace_is_known_by_its_number_and_by_its_cookie_where_both_have_one() {
    let node = Node::new().await;
    let with = |cookie, n| {
        let mut request = request("a", 1, n);
        request.namespace.id.cookie = cookie;
        request
    };
    // Attached by a plugin that did not know of cookies.
    let first = node.attach(&with(None, 1)).await.unwrap();
    let exists = |error| matches!(error, AttachError::Exists(..));
    assert!(exists(node.attach(&with(Some(7), 2)).await.unwrap_err()));
    node.detach(&key("a")).await;
    node.attach(&with(Some(7), 2)).await.unwrap();
    assert!(exists(node.attach(&with(Some(7), 3)).await.unwrap_err()));
    // Another namespace with the same number.
    assert_eq!(node.attach(&with(Some(8), 3)).await.unwrap(), first);
}

#[test]
fn addresses_do_not_rest_until_a_clock_that_was_ahead_is_there_again() {
    let (rest, ahead, now) =
        (Duration::from_mins(1), Duration::from_hours(9000), Duration::from_hours(1));
    let store = MemoryStore::new();
    let (mut book, _) = Book::load(&store.load(), "boot-1", ahead, rest).unwrap();
    // The node's own address, and one more.
    book.adopt(&membership("10.64.1.0/30").lease).unwrap();
    book.begin(&request("a", 1, 1), 1420, ahead).unwrap();
    book.end(&key("a"), ahead).unwrap();
    let later = now + Duration::from_secs(59);
    assert!(book.begin(&request("b", 2, 2), 1420, now).is_err());
    assert!(book.begin(&request("b", 2, 2), 1420, later).is_err());
    assert!(book.begin(&request("b", 2, 2), 1420, now + rest).is_ok());
}

#[tokio::test]
async fn an_attach_that_began_before_a_tombstones_del_is_refused() {
    let node = Node::new().await;
    let state = tempfile::tempdir().unwrap();
    let tombs = Tombstones::new(state.path());
    let bury = |boot: &str| {
        let text = format!(
            r#"{{"network":"wgnet","container_id":"a","ifname":"eth0","boot":"{boot}","began_ns":10000000000}}"#
        );
        std::fs::create_dir_all(state.path().join("tombstones")).unwrap();
        std::fs::write(state.path().join("tombstones/a.json"), text).unwrap();
    };
    let began =
        |seconds| Attach { started: Some(Duration::from_secs(seconds)), ..request("a", 1, 1) };
    // Another boot's clock says nothing.
    bury("boot-0");
    tombs.drain(&node.attachments).await;
    node.attach(&began(9)).await.unwrap();
    node.detach(&key("a")).await;
    bury("boot-1");
    tombs.drain(&node.attachments).await;
    let error = node.attach(&began(9)).await.unwrap_err();
    assert!(matches!(error, AttachError::Late(_)), "{error}");
    node.attach(&began(11)).await.unwrap();
}

#[tokio::test]
async fn one_key_cannot_be_used_by_two_attachments() {
    let node = Node::new().await;
    node.attach(&request("a", 1, 1)).await.unwrap();
    let error = node.attach(&request("b", 2, 1)).await.unwrap_err();
    assert!(matches!(error, AttachError::KeyTaken(_)), "{error}");
}

#[tokio::test]
async fn check_names_what_the_hub_lacks() {
    let node = Node::new().await;
    assert!(matches!(node.attachments.check(&key("a")).await, Err(CheckError::Missing(_))));
    node.attach(&request("a", 1, 1)).await.unwrap();
    assert!(node.attachments.check(&key("a")).await.is_ok());
    let peer = request("a", 1, 1).public_key;
    node.kernel.0.lock().unwrap().peers.insert(peer, one("10.64.1.99"));
    let error = node.attachments.check(&key("a")).await.unwrap_err();
    assert!(error.to_string().ends_with("lacks 10.64.1.2"), "{error}");
    node.kernel.0.lock().unwrap().peers.clear();
    assert!(matches!(node.attachments.check(&key("a")).await, Err(CheckError::Peer(..))));
}

#[tokio::test]
async fn another_lease_is_refused_while_attachments_have_addresses() {
    let node = Node::new().await;
    let other = membership("10.64.7.0/24").lease;
    node.attach(&request("a", 1, 1)).await.unwrap();
    let error = node.attachments.adopt(&other).unwrap_err().to_string();
    assert!(error.contains("10.64.7.0/24") && error.contains("10.64.1.0/24"), "{error}");
    node.detach(&key("a")).await;
    node.attachments.adopt(&other).unwrap();
    assert_eq!(node.attach(&request("a", 1, 1)).await.unwrap(), one("10.64.7.2"));
}

#[tokio::test]
async fn exhausted_lease_says_so_with_the_numbers_and_parallel_attaches_share_passes() {
    let disk = Disk(Arc::new(MemoryStore::new()));
    let node = Node::boot(disk, Recorder::default(), "boot-1", "10.64.1.0/28").await;
    let attach = |n: u8| {
        let attachments = Arc::clone(&node.attachments);
        async move { attachments.attach(request(&format!("c{n}"), n.into(), n + 1), 1420).await }
    };
    let done = join_all((0..13).map(attach)).await;
    let given: BTreeSet<String> =
        done.into_iter().map(|record| record.unwrap().addresses.to_string()).collect();
    assert_eq!(given.len(), 13);
    let error = attach(13).await.unwrap_err().to_string();
    assert!(error.contains("13 of 13 in use"), "{error}");
    assert_eq!(node.reconciler.subscribe().borrow().sequence, 13);
}
