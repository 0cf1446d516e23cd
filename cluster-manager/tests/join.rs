//! Joining over real sockets, and what must not get in.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use common::safe::{
    Joining, Proofs, REFUSED, Safe, client, enter, list, low_order, mesh, request, until,
};
use common::{allocate, refusal};
use connectrpc::ErrorCode;
use wgcni_api::admin_v1::{
    CreateTicketRequest, RevokeMemberRequest, RevokeTicketRequest, RotateSecurityKeyRequest,
    ShowSecurityKeyRequest, StatusRequest,
};
use wgcni_api::identity_v1::{FinishJoinRequest, LeaveRequest, RenewRequest, WhoAmIRequest};
use wgcni_channel::client::Session;
use wgcni_identity::{AuditLine, Broken, Chain, CredentialKind, JoinString, Secret};
use wgcni_model::{PrivateKey, PublicKey};

/// A cluster, and a connection to join it by a ticket.
async fn cluster() -> (Safe, JoinString, Joining) {
    let safe = Safe::new().await;
    let ticket = safe.node_ticket().await;
    let here = safe.joining(ticket.ca).await;
    (safe, ticket, here)
}

/// What an attacker's request must come to.
fn assert_refused<T: std::fmt::Debug>(result: Result<T, connectrpc::ConnectError>, what: &str) {
    assert_eq!(refusal(result), (ErrorCode::PermissionDenied, REFUSED.to_owned()), "{what}");
}

#[tokio::test]
async fn a_ticket_makes_a_node_that_has_a_lease_and_is_known() {
    let safe = Safe::new().await;
    let ash = safe.node("ash", &mesh(1)).await;
    let ash = client(&ash);
    let me = ash.identity.who_am_i(WhoAmIRequest::default()).await.unwrap().into_owned();
    assert_eq!((&*me.name, &*me.cluster_id), ("ash", safe.cluster.as_str()));
    let lease = allocate(&ash, "ash").await.unwrap();
    let row = safe.rows().await.remove(0);
    assert_eq!(row.lease, ["10.64.0.0/24", "fd00::/64"]);
    assert_eq!(lease.prefixes.to_string(), row.lease.join(", "));
    assert!(row.joined_with.starts_with("ticket "), "{}", row.joined_with);
    safe.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_to_the_same_proofs() {
    let (_safe, ticket, here) = cluster().await;
    let ash = Proofs::new("ash", &ticket, mesh(1));
    let first = here.join(&ash).await.unwrap();
    let again = here.join(&ash).await.unwrap();
    let again_id = again.identity_id;
    assert_eq!((&again_id, again.lease), (&first.identity_id, first.lease));
    // Who lost its control key, too, is still whoever has the mesh key.
    let anew = here.join(&Proofs::new("ash", &ticket, mesh(1))).await.unwrap();
    assert_eq!(anew.identity_id, again_id);
    assert_refused(here.join(&Proofs::new("ash", &ticket, mesh(2))).await, "another mesh key");
    let other = Proofs { name: "birch".parse().unwrap(), ..Proofs::new("x", &ticket, mesh(2)) };
    assert_refused(here.join(&other).await, "a ticket that is used up");
}

#[tokio::test]
async fn keys_of_low_order_and_other_encodings_are_refused_at_the_join() {
    let (safe, ticket, here) = cluster().await;
    let keys = low_order();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 14);
    for key in keys {
        let challenge = here.begin().await;
        let mut request = Proofs::new("ash", &ticket, mesh(1)).request(&here, &challenge);
        request.mesh_public_key = key.to_vec();
        let (code, message) = refusal(here.finish(request).await);
        assert_eq!(code, ErrorCode::InvalidArgument, "{key:?}");
        assert!(message.starts_with("mesh_public_key: "), "{message}");
    }
    assert!(safe.rows().await.is_empty());
}

/// Bytes that mean the same point as a key does, and are not it.
fn other_encoding(key: PublicKey) -> Vec<u8> {
    let mut bytes = key.as_bytes().to_vec();
    bytes[31] |= 0x80;
    bytes
}

#[tokio::test]
async fn a_revoked_key_does_not_come_back_in_any_encoding_or_under_any_name() {
    let safe = Safe::new().await;
    safe.node("ash", &mesh(1)).await;
    let revoke = RevokeMemberRequest { name: "ash".to_owned(), ..Default::default() };
    safe.root.admin.revoke_member(revoke).await.unwrap();
    let ticket = safe.node_ticket().await;
    let here = safe.joining(ticket.ca).await;
    assert_refused(here.join(&Proofs::new("birch", &ticket, mesh(1))).await, "another name");
    let known = Proofs {
        credential: CredentialKind::KnownKey,
        secret: None,
        ..Proofs::new("ash", &ticket, mesh(1))
    };
    assert_refused(here.join(&known).await, "its known key");
    let challenge = here.begin().await;
    let mut request = Proofs::new("birch", &ticket, mesh(1)).request(&here, &challenge);
    request.mesh_public_key = other_encoding(mesh(1).public_key());
    assert_eq!(refusal(here.finish(request).await).0, ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_public_key_alone_lets_nobody_in() {
    let safe = Safe::new().await;
    std::fs::create_dir(safe.whitelist()).unwrap();
    list(&safe.whitelist(), "ash", mesh(1).public_key());
    until("ash is on the whitelist", async || !safe.rows().await.is_empty()).await;
    let bare = safe.bare().await;
    let here = safe.joining(bare.ca).await;
    let ash = Proofs::new("ash", &bare, mesh(1));
    let challenge = here.begin().await;
    let mut request = ash.request(&here, &challenge);
    request.mesh_proof.clear();
    assert_refused(here.finish(request).await, "no proof of the mesh key");
    let mut request = ash.request(&here, &challenge);
    request.mesh_proof = vec![0; 32];
    assert_refused(here.finish(request).await, "a made up proof");
    // Who knows the public key and has another private one.
    let thief = Proofs::new("ash", &bare, mesh(2)).request(&here, &challenge);
    let mesh_public_key = mesh(1).public_key().as_bytes().to_vec();
    let request = FinishJoinRequest { mesh_public_key, ..thief };
    assert_refused(here.finish(request).await, "proof by another key");
    let renamed = Proofs { name: "birch".parse().unwrap(), ..Proofs::new("x", &bare, mesh(1)) };
    assert_refused(here.join(&renamed).await, "under another name");
    assert!(here.join(&ash).await.is_ok(), "the key itself");
}

#[tokio::test]
async fn a_secret_that_is_not_proven_lets_nobody_in() {
    let (safe, ticket, here) = cluster().await;
    let whole = Proofs::new("ash", &ticket, mesh(1));
    let challenge = here.begin().await;
    let mut request = whole.request(&here, &challenge);
    request.credential_proof.clear();
    assert_refused(here.finish(request).await, "no proof");
    let mut request = whole.request(&here, &challenge);
    request.credential_proof[0] ^= 1;
    assert_refused(here.finish(request).await, "a changed proof");
    let guessed = Some(Secret::from_random([9; 32]));
    let guess = Proofs { secret: guessed, ..Proofs::new("ash", &ticket, mesh(1)) };
    assert_refused(here.join(&guess).await, "another secret");
    let other =
        Proofs { credential: CredentialKind::SecurityKey, ..Proofs::new("ash", &ticket, mesh(1)) };
    assert_refused(here.join(&other).await, "as another kind of credential");
    assert!(safe.rows().await.is_empty());
    let lines = safe.audit().await;
    let refused = lines.iter().filter_map(|(_, line)| AuditLine::parse(line)?.refused);
    assert_eq!(refused.count(), 4, "every refusal has its reason there: {lines:?}");
}

#[tokio::test]
async fn nothing_of_a_request_can_be_swapped_after_the_proof() {
    let (safe, ticket, here) = cluster().await;
    let other = safe.node_ticket().await;
    let challenge = here.begin().await;
    let whole = Proofs::new("ash", &ticket, mesh(1)).request(&here, &challenge);
    let foreign = Proofs::new("ash", &other, mesh(2)).request(&here, &challenge);
    let newer = here.begin().await;
    let swaps: [(&str, FinishJoinRequest); 6] = [
        ("name", FinishJoinRequest { name: "birch".to_owned(), ..whole.clone() }),
        ("credential", FinishJoinRequest { credential: foreign.credential, ..whole.clone() }),
        (
            "certificate request",
            FinishJoinRequest { certificate_request: request().der().to_vec(), ..whole.clone() },
        ),
        (
            "mesh key",
            FinishJoinRequest { mesh_public_key: foreign.mesh_public_key, ..whole.clone() },
        ),
        ("nonce", FinishJoinRequest { client_nonce: vec![8; 32], ..whole.clone() }),
        ("challenge", FinishJoinRequest { challenge: newer.challenge, ..whole.clone() }),
    ];
    for (what, request) in swaps {
        assert_refused(here.finish(request).await, what);
    }
    assert!(here.finish(whole).await.is_ok());
}

#[tokio::test]
async fn what_was_proven_over_one_connection_is_worth_nothing_over_another() {
    let safe = Safe::new().await;
    // Whoever is in the middle knows the key of the day, too.
    let shown = safe
        .root
        .admin
        .show_security_key(ShowSecurityKeyRequest::default())
        .await
        .unwrap()
        .into_owned();
    let key: JoinString = shown.join.parse().unwrap();
    let (victim, thief) = (safe.joining(key.ca).await, safe.joining(key.ca).await);
    let ash = Proofs::new("ash", &key, mesh(1));
    let challenge = victim.begin().await;
    let request = ash.request(&victim, &challenge);
    assert_refused(thief.finish(request.clone()).await, "a moved request");
    // A challenge that the thief got and gives to the victim.
    let relayed = thief.begin().await;
    assert_refused(thief.finish(ash.request(&victim, &relayed)).await, "a moved challenge");
    let first = victim.finish(request.clone()).await.unwrap();
    // Replayed over its own connection it is the same identity, not another.
    let again = victim.finish(request).await.unwrap();
    assert_eq!(again.identity_id, first.identity_id);
    assert_eq!(safe.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_with_one_ticket_make_one_identity() {
    let safe = Arc::new(Safe::new().await);
    let ticket = Arc::new(safe.node_ticket().await);
    let asking = (0u8..200).map(|n| {
        let (safe, ticket) = (Arc::clone(&safe), Arc::clone(&ticket));
        tokio::spawn(async move {
            // The listener lets one address connect a few times a second only.
            let here = safe.joining_from(ticket.ca, Ipv4Addr::new(127, 0, 1, n + 1)).await;
            here.join(&Proofs::new(&format!("n{n}"), &ticket, mesh(n))).await.is_ok()
        })
    });
    let mut joined = 0;
    for task in asking.collect::<Vec<_>>() {
        joined += usize::from(task.await.unwrap());
    }
    assert_eq!((joined, safe.rows().await.len()), (1, 1));
}

#[tokio::test]
async fn the_security_key_of_before_a_rotation_is_refused_at_once_or_later() {
    let safe = Safe::new().await;
    let show = async || {
        let shown =
            safe.root.admin.show_security_key(ShowSecurityKeyRequest::default()).await.unwrap();
        shown.into_owned().join.parse::<JoinString>().unwrap()
    };
    let first = show().await;
    let here = safe.joining(first.ca).await;
    let rotate = async |overlap| {
        let request = RotateSecurityKeyRequest { overlap, ..Default::default() };
        safe.root.admin.rotate_security_key(request).await.unwrap();
    };
    assert!(here.join(&Proofs::new("a", &first, mesh(1))).await.is_ok());
    rotate(true).await;
    let second = show().await;
    assert!(here.join(&Proofs::new("b", &first, mesh(2))).await.is_ok(), "the overlap");
    assert!(here.join(&Proofs::new("c", &second, mesh(3))).await.is_ok());
    rotate(false).await;
    assert_refused(here.join(&Proofs::new("d", &second, mesh(4))).await, "at once");
    assert_refused(here.join(&Proofs::new("d", &first, mesh(4))).await, "long ago");
    assert!(here.join(&Proofs::new("d", &show().await, mesh(4))).await.is_ok());
}

#[tokio::test]
async fn tickets_hold_what_they_say() {
    let safe = Safe::new().await;
    let ticket = |change: fn(&mut CreateTicketRequest)| {
        let mut request = CreateTicketRequest::default();
        change(&mut request);
        safe.ticket(request)
    };
    let named = ticket(|t| t.name = "ash".to_owned()).await;
    let far = ticket(|t| t.source_cidrs = vec!["192.0.2.0/24".to_owned()]).await;
    let two = ticket(|t| t.uses = 2).await;
    let here = safe.joining(named.ca).await;
    assert_refused(here.join(&Proofs::new("birch", &named, mesh(1))).await, "another name");
    assert!(here.join(&Proofs::new("ash", &named, mesh(1))).await.is_ok());
    assert_refused(here.join(&Proofs::new("birch", &far, mesh(2))).await, "from elsewhere");
    for n in [3, 4] {
        assert!(here.join(&Proofs::new(&format!("n{n}"), &two, mesh(n))).await.is_ok());
    }
    assert_refused(here.join(&Proofs::new("n5", &two, mesh(5))).await, "used up");
    let CredentialKind::Ticket(id) = Proofs::new("x", &two, mesh(1)).credential else { panic!() };
    let revoke = RevokeTicketRequest { id: id.to_string(), ..Default::default() };
    let mut revoked = safe.root.admin.revoke_ticket(revoke).await.unwrap().into_owned().revoked;
    revoked.sort();
    assert_eq!(revoked, ["n3", "n4"]);
}

#[tokio::test]
async fn an_operators_ticket_makes_no_node_and_a_name_is_anothers_once() {
    let safe = Safe::new().await;
    let ann = client(&safe.operator("ann").await);
    assert!(ann.admin.status(StatusRequest::default()).await.is_ok());
    safe.node("ash", &mesh(1)).await;
    let ticket = safe.node_ticket().await;
    let error = enter(&ticket, "ash", Some(&mesh(2))).await.unwrap_err();
    assert!(error.contains("was refused"), "{error}");
    let error = enter(&ticket, "birch", Some(&mesh(1))).await.unwrap_err();
    assert!(error.contains("was refused"), "{error}");
}

#[tokio::test]
async fn a_copied_state_directory_renews_once_and_raises_an_alarm() {
    let safe = Safe::new().await;
    let ash = safe.node("ash", &mesh(1)).await;
    let copy = ash.clone();
    let session = Session::new(ash, None);
    session.renew().await.unwrap();
    assert!(safe.alarms().await.is_empty());
    // The copy still holds what was renewed, for the while that the former key is taken.
    let renew = RenewRequest {
        certificate_request: request().der().to_vec(),
        counter: copy.counter,
        ..Default::default()
    };
    let (code, _) = refusal(client(&copy).identity.renew(renew).await);
    assert_eq!(code, ErrorCode::PermissionDenied);
    let alarms = safe.alarms().await;
    assert!(alarms[0].starts_with("node ash: a second machine has its credentials"), "{alarms:?}");
}

#[tokio::test]
async fn a_revoked_members_connection_and_stream_end_at_once() {
    let safe = Safe::new().await;
    let ash = safe.node("ash", &mesh(1)).await;
    let watching = client(&ash);
    let begin = (wgcni_model::Revision(0), wgcni_model::History::default());
    let mut watcher = common::watch(&watching, begin.0, &begin.1).await;
    watcher.snapshot().await;
    let revoke = RevokeMemberRequest { name: "ash".to_owned(), ..Default::default() };
    let asked = std::time::Instant::now();
    safe.root.admin.revoke_member(revoke).await.unwrap();
    while watcher.goes_on().await {}
    assert!(asked.elapsed() < std::time::Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(client(&ash).identity.who_am_i(WhoAmIRequest::default()).await.is_err());
}

#[tokio::test]
async fn whoever_leaves_gets_the_answer_and_is_cut_off_after_it() {
    let safe = Safe::new().await;
    let ash = safe.node("ash", &mesh(1)).await;
    let begin = (wgcni_model::Revision(0), wgcni_model::History::default());
    let mut watcher = common::watch(&client(&ash), begin.0, &begin.1).await;
    watcher.snapshot().await;
    let asked = std::time::Instant::now();
    client(&ash).identity.leave(LeaveRequest::default()).await.unwrap();
    while watcher.goes_on().await {}
    assert!(asked.elapsed() < std::time::Duration::from_secs(5), "{:?}", asked.elapsed());
    // Again, as after an answer that was lost: it is a stranger.
    assert!(client(&ash).identity.leave(LeaveRequest::default()).await.is_err());
    assert!(safe.rows().await.is_empty());
    // Connections are not cut before the answer, however often that is tried.
    for _ in 0..12 {
        let elm = client(&safe.node("elm", &mesh(1)).await);
        elm.identity.leave(LeaveRequest::default()).await.unwrap();
        let refused = elm.identity.who_am_i(WhoAmIRequest::default()).await;
        assert!(refused.is_err(), "on the same connection: {refused:?}");
    }
    for _ in 0..3 {
        let ann = client(&safe.operator("ann").await);
        ann.identity.leave(LeaveRequest::default()).await.unwrap();
    }
    assert!(safe.rows().await.is_empty());
    safe.stop().await;
}

#[tokio::test]
async fn the_audit_log_of_a_cluster_verifies_and_an_edited_one_does_not() {
    let (safe, ticket, here) = cluster().await;
    here.join(&Proofs::new("ash", &ticket, mesh(1))).await.unwrap();
    assert_refused(here.join(&Proofs::new("birch", &ticket, mesh(2))).await, "used up");
    let lines = safe.audit().await;
    assert!(lines.len() >= 3, "{lines:?}");
    let verify = |lines: &[(u64, String)]| {
        let mut chain = Chain::default();
        lines.iter().try_for_each(|(seq, line)| chain.follow(*seq, line).map(drop))
    };
    assert_eq!(verify(&lines), Ok(()));
    let mut edited = lines.clone();
    edited[1].1 = edited[1].1.replace("ash", "elm");
    assert_eq!(verify(&edited), Err(Broken::Changed(edited[2].0)));
    let all: String = lines.iter().map(|(_, line)| line.as_str()).collect();
    let secret = PrivateKey::to_base64(&mesh(1));
    assert!(!all.contains(&*secret), "no secret is in it");
}
