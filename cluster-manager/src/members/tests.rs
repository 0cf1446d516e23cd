//! Members, decided without a network.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use wgcni_api::Registration;
use wgcni_daemon::config::{File, Flags, layered};
use wgcni_identity::{
    Authority, Chain, ControlKey, CredentialKind, Exporter, Lifetime, Master, MeshProof, Pin, Role,
    Secret, SecurityKeyPeriod, TicketId, Transcript,
};
use wgcni_model::{Endpoints, History, NodeName, PrivateKey, Revision};
use wgcni_store::{MemoryStore, Transaction};

use super::rows::{TicketRow, ticket_key};
use super::{Actor, JoinRequest, Joined, MemberState, NewTicket, Refused, millis};
use crate::config::{Config, Settings};
use crate::keys::Keys;
use crate::records::Row as _;
use crate::registry::Registry;
use crate::{Refusal, feed};

const NOW: Duration = Duration::from_hours(500_000);
const SERVER: Pin = Pin::from_bytes([4; 32]);

/// A cluster whose registry is called directly.
struct World {
    registry: Arc<Registry>,
    keys: Keys,
}

/// Somebody who wants to join.
struct Joiner {
    name: NodeName,
    mesh: Option<PrivateKey>,
    control: ControlKey,
    connection: Exporter,
    source: &'static str,
}

fn config() -> Config {
    let mut layered = layered::<Settings>(&File::optional("/nowhere"), &Flags::default());
    layered.settings.complete(([1; 16], [2; 5]));
    layered.settings.prefix_v4 = Some("10.64.0.0/21".to_owned());
    layered.settings.prefix_v6 = Some("none".to_owned());
    Config::check(layered).unwrap()
}

impl World {
    async fn new() -> Self {
        let config = config();
        let store = Arc::new(MemoryStore::new());
        let run = History::from_random([1; 16]);
        let registry = Registry::start(store, &config, NOW, &run).await.unwrap();
        let registry = Arc::new(registry);
        let follow = feed::follow(Arc::clone(&registry));
        tokio::spawn(async move { drop(follow.await) });
        let life = Lifetime { from: NOW, length: Duration::from_hours(87_600) };
        let key = ControlKey::generate().unwrap();
        let authority = Authority::new(config.cluster.id, key, life).unwrap();
        let master = Master::new(Secret::from_random([7; 32]));
        Self { registry, keys: Keys::new(authority, master).unwrap() }
    }

    async fn ticket(&self, change: impl FnOnce(&mut NewTicket)) -> (CredentialKind, Secret) {
        let mut new = NewTicket {
            role: Role::Node,
            uses: 1,
            life: Duration::ZERO,
            name: None,
            groups: Vec::new(),
            source_cidrs: Vec::new(),
        };
        change(&mut new);
        let made = self.registry.create_ticket(&new, &Actor::Root, NOW).await.unwrap();
        (CredentialKind::Ticket(made.0.id), made.1)
    }

    /// A request whose proofs all hold, made at `now`.
    fn request(
        &self,
        joiner: &Joiner,
        credential: CredentialKind,
        secret: Option<&Secret>,
        now: Duration,
    ) -> JoinRequest {
        let (challenge, _) = self.keys.challenge(&joiner.connection, now).unwrap();
        let request = joiner.control.request().unwrap();
        let cluster = self.registry.cluster().id;
        let transcript = Transcript {
            cluster: &cluster,
            server: SERVER,
            connection: joiner.connection,
            challenge: &challenge.sealed,
            server_nonce: challenge.nonce,
            server_ephemeral: challenge.ephemeral,
            client_nonce: [3; 32],
            name: &joiner.name,
            credential,
            request: &request,
            mesh_key: joiner.mesh.as_ref().map(PrivateKey::public_key),
        };
        JoinRequest {
            source: joiner.source.parse().unwrap(),
            connection: joiner.connection,
            server: SERVER,
            challenge: challenge.sealed.clone(),
            client_nonce: [3; 32],
            name: joiner.name.clone(),
            credential,
            credential_proof: secret.map(|secret| secret.prove(&transcript).unwrap()),
            mesh_proof: joiner.mesh.as_ref().map(|mesh| MeshProof::new(mesh, &transcript)),
            mesh_key: transcript.mesh_key,
            request: request.clone(),
            held: None,
        }
    }

    async fn try_join(
        &self,
        joiner: &Joiner,
        (credential, secret): &(CredentialKind, Secret),
        now: Duration,
    ) -> Result<Joined, Refusal> {
        let request = self.request(joiner, *credential, Some(secret), now);
        self.registry.join(&self.keys, &request, now).await
    }

    async fn join(&self, joiner: &Joiner) -> Joined {
        let ticket = self.ticket(|_| ()).await;
        self.try_join(joiner, &ticket, NOW).await.unwrap()
    }

    async fn register(
        &self,
        joiner: &Joiner,
        hub: u8,
        applied: Revision,
        now: Duration,
    ) -> Result<Revision, Refusal> {
        let registration = Registration {
            node: joiner.name.clone(),
            mesh_key: joiner.mesh_key(),
            hub_key: PrivateKey::from_random([hub; 32]).public_key(),
            endpoints: Endpoints::default(),
            applied,
        };
        self.registry.register(&registration, now).await
    }

    fn state_of(&self, name: &str) -> Option<MemberState> {
        let (_, members) = self.registry.members();
        members.into_iter().find(|m| m.name.as_str() == name).map(|m| m.state)
    }

    /// Why the newest refusal was one, for the log alone.
    fn reason(&self) -> String {
        let (lines, _) = self.registry.audit_lines(0, 1, true);
        serde_json::from_str::<serde_json::Value>(&lines[0].1).unwrap()["refused"].to_string()
    }
}

impl Joiner {
    fn new(name: &str, n: u8) -> Self {
        Self {
            name: name.parse().unwrap(),
            mesh: Some(PrivateKey::from_random([n; 32])),
            control: ControlKey::generate().unwrap(),
            connection: Exporter::from_bytes([n; 32]),
            source: "192.0.2.7:4711",
        }
    }

    fn operator(name: &str) -> Self {
        Self { mesh: None, ..Self::new(name, 1) }
    }

    fn mesh_key(&self) -> wgcni_model::PublicKey {
        self.mesh.as_ref().unwrap().public_key()
    }
}

fn refused(outcome: Result<Joined, Refusal>) -> Refused {
    match outcome {
        Err(Refusal::NotAdmitted(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_lets_one_node_in_and_a_lost_answer_costs_nothing() {
    let world = World::new().await;
    let ticket = world.ticket(|_| ()).await;
    let ash = Joiner::new("ash", 1);
    let joined = world.try_join(&ash, &ticket, NOW).await.unwrap();
    assert_eq!((joined.role, joined.counter), (Role::Node, 1));
    assert_eq!(joined.lease.unwrap().prefixes.to_string(), "10.64.0.0/24");
    assert!(world.registry.admits(Role::Node, joined.id, ash.control.pin(), NOW));
    assert!(!world.registry.admits(Role::Operator, joined.id, ash.control.pin(), NOW));
    assert!(world.registry.has_been_safe());
    // The answer was lost, and the control key with it.
    let again = Joiner { control: ControlKey::generate().unwrap(), ..Joiner::new("ash", 1) };
    let second = world.try_join(&again, &ticket, NOW).await.unwrap();
    assert_eq!((second.id, second.counter), (joined.id, 2));
    assert!(!world.registry.admits(Role::Node, joined.id, ash.control.pin(), NOW));
    // A ticket of its own later, for whatever reason, is used up by that.
    let other = world.ticket(|_| ()).await;
    let anew = Joiner { control: ControlKey::generate().unwrap(), ..Joiner::new("ash", 1) };
    let third = world.try_join(&anew, &other, NOW).await.unwrap();
    assert_eq!((third.id, third.counter), (joined.id, 3));
    assert_eq!(world.try_join(&anew, &other, NOW).await.unwrap().counter, 3);
    refused(world.try_join(&Joiner::new("elm", 2), &other, NOW).await);
    // Nobody else gets in with it.
    for thief in [Joiner::new("elm", 2), Joiner::new("ash", 2), Joiner::new("elm", 1)] {
        refused(world.try_join(&thief, &ticket, NOW).await);
    }
    assert_eq!(world.registry.summary(NOW).nodes, 1);
}

#[tokio::test]
async fn two_hundred_at_once_make_one_identity_of_a_single_use_ticket() {
    let world = Arc::new(World::new().await);
    let ticket = Arc::new(world.ticket(|_| ()).await);
    let joins = (0..200_u8).map(|n| {
        let (world, ticket) = (Arc::clone(&world), Arc::clone(&ticket));
        tokio::spawn(async move {
            world.try_join(&Joiner::new(&format!("n{n}"), n + 1), &ticket, NOW).await.is_ok()
        })
    });
    let mut joined = 0;
    for join in joins.collect::<Vec<_>>() {
        joined += u32::from(join.await.unwrap());
    }
    assert_eq!((joined, world.registry.summary(NOW).nodes), (1, 1));
}

#[tokio::test]
async fn a_ticket_is_for_its_name_its_addresses_its_time_and_its_role() {
    let world = World::new().await;
    let named = world.ticket(|t| t.name = Some("elm".parse().unwrap())).await;
    refused(world.try_join(&Joiner::new("ash", 1), &named, NOW).await);
    let near = world.ticket(|t| t.source_cidrs = vec!["198.51.100.0/24".parse().unwrap()]).await;
    refused(world.try_join(&Joiner::new("ash", 1), &near, NOW).await);
    let short = world.ticket(|t| t.life = Duration::from_mins(1)).await;
    refused(world.try_join(&Joiner::new("ash", 1), &short, NOW + Duration::from_mins(1)).await);
    assert!(world.reason().contains("has expired"), "{}", world.reason());
    let operators = world.ticket(|t| t.role = Role::Operator).await;
    refused(world.try_join(&Joiner::new("ash", 1), &operators, NOW).await);
    let node = world.ticket(|_| ()).await;
    refused(world.try_join(&Joiner::operator("ann"), &node, NOW).await);
    assert_eq!(world.registry.summary(NOW).nodes, 0);
    // The right ones.
    let groups = vec!["blue".parse().unwrap()];
    let ticket = world.ticket(|t| (t.groups, t.uses) = (groups.clone(), 2)).await;
    world.try_join(&Joiner::new("ash", 1), &ticket, NOW).await.unwrap();
    world.try_join(&Joiner::new("elm", 2), &ticket, NOW).await.unwrap();
    let ann = world.try_join(&Joiner::operator("ann"), &operators, NOW).await.unwrap();
    assert_eq!((ann.role, ann.lease), (Role::Operator, None));
    let (_, members) = world.registry.members();
    assert_eq!(members[0].groups, groups);
    // An operator has nothing but its control key: a second one is somebody else.
    refused(world.try_join(&Joiner::operator("ann"), &operators, NOW).await);
}

#[tokio::test]
async fn a_public_key_alone_and_a_proof_without_the_private_key_prove_nothing() {
    let world = World::new().await;
    let ticket = world.ticket(|_| ()).await;
    let ash = Joiner::new("ash", 1);
    let whole = world.request(&ash, ticket.0, Some(&ticket.1), NOW);
    let thief = Joiner { mesh: Some(PrivateKey::from_random([9; 32])), ..Joiner::new("ash", 1) };
    let other = world.request(&thief, ticket.0, Some(&ticket.1), NOW);
    let changed = [
        JoinRequest { mesh_proof: None, ..whole.clone() },
        JoinRequest { credential_proof: None, ..whole.clone() },
        JoinRequest { mesh_key: None, mesh_proof: None, ..whole.clone() },
        // Somebody who has the ticket, and the public key of ash.
        JoinRequest { mesh_key: whole.mesh_key, ..other.clone() },
        JoinRequest { mesh_proof: other.mesh_proof.clone(), ..whole.clone() },
        // Swapped after the proofs.
        JoinRequest { request: thief.control.request().unwrap(), ..whole.clone() },
        JoinRequest { name: "elm".parse().unwrap(), ..whole.clone() },
        JoinRequest { client_nonce: [0; 32], ..whole.clone() },
        JoinRequest { server: Pin::from_bytes([0; 32]), ..whole.clone() },
        // A challenge of another connection, and one that was kept.
        JoinRequest { connection: Exporter::from_bytes([0; 32]), ..whole.clone() },
        JoinRequest { challenge: other.challenge.clone(), ..whole.clone() },
    ];
    for (n, request) in changed.iter().enumerate() {
        let outcome = world.registry.join(&world.keys, request, NOW).await;
        assert!(matches!(outcome, Err(Refusal::NotAdmitted(_))), "{n}: {outcome:?}");
        let said = outcome.unwrap_err().to_string();
        assert_eq!(said, "refused; the reason is in the cluster's audit log");
    }
    let late = NOW + Duration::from_secs(30);
    refused(world.registry.join(&world.keys, &whole, late).await);
    assert!(world.reason().contains("too old"), "{}", world.reason());
    world.registry.join(&world.keys, &whole, NOW).await.unwrap();
}

#[tokio::test]
async fn security_keys_are_good_on_their_day_and_until_they_are_rotated() {
    let world = World::new().await;
    let cluster = world.registry.cluster().id;
    let key =
        |now, generation| world.keys.master.key(&cluster, SecurityKeyPeriod::at(now, generation));
    let midnight = Duration::from_hours(24) * 20_834;
    let minute = Duration::from_mins(1);
    let old = (CredentialKind::SecurityKey, key(midnight.saturating_sub(minute), 0));
    let day = (CredentialKind::SecurityKey, key(midnight, 0));
    world.try_join(&Joiner::new("a", 1), &day, midnight).await.unwrap();
    world.try_join(&Joiner::new("b", 2), &old, midnight + minute * 14).await.unwrap();
    refused(world.try_join(&Joiner::new("c", 3), &old, midnight + minute * 15).await);
    refused(world.try_join(&Joiner::new("c", 3), &day, midnight.saturating_sub(minute)).await);
    let now = midnight + minute * 60;
    assert_eq!(world.registry.rotate_security_key(true, &Actor::Root, now).await, Ok(1));
    world.try_join(&Joiner::new("c", 3), &day, now).await.unwrap();
    refused(world.try_join(&Joiner::new("d", 4), &day, now + minute * 15).await);
    assert_eq!(world.registry.rotate_security_key(false, &Actor::Root, now).await, Ok(2));
    for generation in [0, 1] {
        let old = (CredentialKind::SecurityKey, key(now, generation));
        refused(world.try_join(&Joiner::new("d", 4), &old, now).await);
    }
    let shown = world.registry.show_security_key(&world.keys, &Actor::Root, now).await.unwrap();
    assert_eq!(shown.expires, midnight + Duration::from_hours(24));
    let new = (CredentialKind::SecurityKey, shown.secret);
    world.try_join(&Joiner::new("d", 4), &new, now).await.unwrap();
}

#[tokio::test]
async fn whitelisted_and_known_keys_join_by_their_mesh_key_alone() {
    let world = World::new().await;
    let ash = Joiner::new("ash", 1);
    let join_at = async |joiner: &Joiner, credential, now| {
        let request = world.request(joiner, credential, None, now);
        world.registry.join(&world.keys, &request, now).await
    };
    let join = async |joiner: &Joiner, credential| join_at(joiner, credential, NOW).await;
    refused(join(&ash, CredentialKind::Whitelist).await);
    let name: NodeName = "ash".parse().unwrap();
    world.registry.add_node(&name, ash.mesh_key(), &Actor::Root, NOW).await.unwrap();
    assert_eq!(world.state_of("ash"), Some(MemberState::Expected));
    refused(join(&Joiner::new("ash", 2), CredentialKind::Whitelist).await);
    refused(join(&ash, CredentialKind::KnownKey).await);
    let joined = join(&ash, CredentialKind::Whitelist).await.unwrap();
    // It was away until its certificate had expired.
    let back = Joiner { control: ControlKey::generate().unwrap(), ..Joiner::new("ash", 1) };
    let later = NOW + Duration::from_hours(24);
    let again = join_at(&back, CredentialKind::KnownKey, later).await.unwrap();
    assert_eq!((again.id, again.counter), (joined.id, 2));
    // A copy of its state directory, while its certificate is good; and a lost answer.
    let copy = Joiner { control: ControlKey::generate().unwrap(), ..Joiner::new("ash", 1) };
    for credential in [CredentialKind::KnownKey, CredentialKind::Whitelist] {
        refused(join_at(&copy, credential, later).await);
        assert!(world.reason().contains("still good"), "{}", world.reason());
        assert_eq!(join_at(&back, credential, later).await.unwrap().counter, 2);
    }
    assert_eq!(world.registry.alarms().len(), 1);
    refused(join(&Joiner::new("elm", 1), CredentialKind::KnownKey).await);
    world.registry.revoke((Role::Node, &name), "", &Actor::Root, NOW).await.unwrap();
    refused(join(&back, CredentialKind::KnownKey).await);
    refused(join(&back, CredentialKind::Whitelist).await);
}

#[tokio::test]
async fn a_file_that_leaves_the_whitelist_revokes_who_joined_with_it() {
    let world = World::new().await;
    let (ash, elm) = (Joiner::new("ash", 1), Joiner::new("elm", 2));
    for joiner in [&ash, &elm] {
        let listed = world.registry.whitelist_file(&joiner.name, joiner.mesh_key(), NOW).await;
        listed.unwrap();
    }
    assert_eq!(world.registry.whitelist_files().len(), 2);
    let request = world.request(&ash, CredentialKind::Whitelist, None, NOW);
    let joined = world.registry.join(&world.keys, &request, NOW).await.unwrap();
    world.join(&elm).await;
    for joiner in [&ash, &elm] {
        world.registry.whitelist_file_gone(&joiner.name, NOW).await.unwrap();
    }
    assert!(matches!(world.state_of("ash"), Some(MemberState::Revoked(..))));
    assert!(!world.registry.admits(Role::Node, joined.id, ash.control.pin(), NOW));
    // elm joined with a ticket.
    assert_eq!(world.state_of("elm"), Some(MemberState::Active));
    let again = world.registry.whitelist_file(&ash.name, ash.mesh_key(), NOW).await;
    assert!(matches!(again, Err(Refusal::Listed { .. })), "{again:?}");
}

#[tokio::test]
async fn a_renewal_moves_to_a_new_key_and_a_copy_is_found_out() {
    let world = World::new().await;
    let ash = Joiner::new("ash", 1);
    let joined = world.join(&ash).await;
    let (new, copy) = (ControlKey::generate().unwrap(), ControlKey::generate().unwrap());
    let renew = async |key: &ControlKey, counter| {
        let request = key.request().unwrap();
        world.registry.renew(&world.keys, joined.id, &request, counter, NOW).await
    };
    let admits =
        |key: &ControlKey, now| world.registry.admits(Role::Node, joined.id, key.pin(), now);
    assert_eq!(renew(&new, 1).await.unwrap().counter, 2);
    // Until the answer is there, the former key is taken; the same request again is the same.
    assert!(admits(&ash.control, NOW + Duration::from_mins(9)));
    assert!(!admits(&ash.control, NOW + Duration::from_mins(10)));
    assert_eq!(renew(&new, 1).await.unwrap().counter, 2);
    assert!(admits(&new, NOW));
    assert!(admits(&ash.control, NOW), "whoever shows a certificate has proven nothing yet");
    world.registry.note_used(joined.id, new.pin());
    assert!(!admits(&ash.control, NOW), "the new key was used");
    // A copy of the state directory renews, too.
    assert!(matches!(renew(&copy, 1).await, Err(Refusal::Copied)));
    assert!(!admits(&copy, NOW));
    assert!(admits(&new, NOW));
    assert_eq!(world.registry.alarms().len(), 1);
    assert!(world.reason().contains("copied"), "{}", world.reason());
    assert!(matches!(renew(&ash.control, 2).await.map(|r| r.counter), Ok(3)));
}

#[tokio::test]
async fn a_member_that_renews_with_a_wrong_counter_for_ever_writes_one_line() {
    let world = World::new().await;
    let ash = Joiner::new("ash", 1);
    let joined = world.join(&ash).await;
    let last = || world.registry.audit_lines(0, 1, true).1;
    let before = last();
    for n in 0..100 {
        let request = ControlKey::generate().unwrap().request().unwrap();
        let renewed = world.registry.renew(&world.keys, joined.id, &request, 999, NOW).await;
        assert!(matches!(renewed, Err(Refusal::Copied)), "{n}: {renewed:?}");
    }
    assert_eq!(last(), before + 1);
    assert_eq!(world.registry.alarms().len(), 1);
}

#[tokio::test]
async fn a_member_that_renews_or_joins_for_ever_leaves_room_in_the_audit_log() {
    let world = World::new().await;
    let (ash, elm) = (Joiner::new("ash", 1), Joiner::new("elm", 2));
    let (joined, ticket) = (world.join(&ash).await, world.ticket(|_| ()).await);
    let counter = Cell::new(joined.counter);
    let renew = async |now| {
        let request = ControlKey::generate().unwrap().request().unwrap();
        let renewed = world.registry.renew(&world.keys, joined.id, &request, counter.get(), now);
        renewed.await.map(|renewed| counter.set(renewed.counter))
    };
    let mut done = 0;
    for _ in 0..300 {
        match renew(NOW).await {
            Ok(()) => done += 1,
            other => assert!(matches!(other, Err(Refusal::TooOften(_))), "{other:?}"),
        }
    }
    assert!(done < 250, "{done}");
    renew(NOW + Duration::from_mins(10)).await.unwrap();
    // The same joiner again and again.
    world.try_join(&elm, &ticket, NOW).await.unwrap();
    let before = world.registry.audit_lines(0, 1, true).1;
    for _ in 0..300 {
        let _ = world.try_join(&elm, &ticket, NOW).await;
    }
    assert!(world.registry.audit_lines(0, 1, true).1 < before + 250);
    assert_eq!(world.registry.summary(NOW).nodes, 2);
}

#[tokio::test]
async fn a_revoked_node_is_out_and_its_lease_is_held_until_all_have_acknowledged() {
    let world = World::new().await;
    let (ash, elm) = (Joiner::new("ash", 1), Joiner::new("elm", 2));
    let joined = world.join(&ash).await;
    world.join(&elm).await;
    let lease = joined.lease.unwrap().prefixes;
    world.register(&ash, 101, Revision(0), NOW).await.unwrap();
    world.register(&elm, 102, Revision(0), NOW).await.unwrap();
    let revision =
        world.registry.revoke((Role::Node, &ash.name), "lost", &Actor::Root, NOW).await.unwrap();
    assert!(!world.registry.admits(Role::Node, joined.id, ash.control.pin(), NOW));
    assert!(world.registry.member(joined.id).is_none());
    assert!(world.registry.snapshot().peers.keys().all(|node| node.as_str() == "elm"));
    assert!(world.register(&ash, 101, Revision(0), NOW).await.is_err());
    // Again: the same answer.
    let again = world.registry.revoke((Role::Node, &ash.name), "", &Actor::Root, NOW).await;
    assert_eq!(again, Ok(revision));
    // Nobody gets the lease, not even a new machine under the same name that asks for it.
    world.registry.remove((Role::Node, &ash.name), &Actor::Root, NOW).await.unwrap();
    let new = Joiner::new("ash", 3);
    let ticket = world.ticket(|_| ()).await;
    let later = NOW + Duration::from_mins(10);
    let mut request = world.request(&new, ticket.0, Some(&ticket.1), later);
    request.held = Some(lease);
    let other = world.registry.join(&world.keys, &request, later).await.unwrap();
    assert_ne!(other.lease.unwrap().prefixes, lease);
    world.registry.settle_quarantines(later).await.unwrap();
    assert!(world.registry.leases(later).resting.iter().any(|r| r.lease.prefixes == lease));
    // elm has acknowledged; the new ash is not in the mesh yet.
    world.register(&elm, 102, revision, later).await.unwrap();
    world.registry.settle_quarantines(later).await.unwrap();
    let rested = later + Duration::from_secs(61);
    assert!(world.registry.leases(rested).resting.is_empty());
}

#[tokio::test]
async fn whoever_leaves_is_out_and_the_same_keys_join_again_under_any_name() {
    let world = World::new().await;
    let (ash, elm) = (Joiner::new("ash", 1), Joiner::new("elm", 2));
    let joined = world.join(&ash).await;
    let lease = joined.lease.unwrap().prefixes;
    world.join(&elm).await;
    world.register(&ash, 101, Revision(0), NOW).await.unwrap();
    world.registry.leave(joined.id, NOW).await.unwrap();
    assert!(!world.registry.admits(Role::Node, joined.id, ash.control.pin(), NOW));
    assert!(world.registry.member(joined.id).is_none());
    assert_eq!(world.state_of("ash"), None);
    assert!(world.registry.snapshot().peers.is_empty());
    let leases = world.registry.leases(NOW);
    let resting: Vec<_> = leases.resting.iter().map(|r| r.lease.prefixes).collect();
    assert_eq!((leases.leased.len(), resting), (1, vec![lease]));
    // Once more: the answer was lost.
    assert_eq!(world.registry.leave(joined.id, NOW).await, Err(Refusal::NotAMember));
    let (lines, _) = world.registry.audit_lines(0, 1, true);
    assert!(lines[0].1.contains(r#""who":"node ash","what":"leave","of":"node ash""#), "{lines:?}");
    // Under another name, out again, and at once under the first.
    let [other, first] = ["birch", "ash"].map(|name| Joiner::new(name, 1));
    let joined = world.join(&other).await;
    world.register(&other, 101, Revision(0), NOW).await.unwrap();
    world.registry.leave(joined.id, NOW).await.unwrap();
    world.join(&first).await;
    world.register(&first, 101, Revision(0), NOW).await.unwrap();
    assert_eq!(world.registry.summary(NOW).nodes, 2);
    // The lease of ash is nobody else's while it rests.
    let oak = world.join(&Joiner::new("oak", 3)).await;
    assert_ne!(oak.lease.unwrap().prefixes, lease);
}

#[tokio::test]
async fn an_operator_and_a_whitelisted_node_leave_and_come_back() {
    let world = World::new().await;
    let ann = world.ticket(|t| t.role = Role::Operator).await;
    let ann = world.try_join(&Joiner::operator("ann"), &ann, NOW).await.unwrap();
    let ash = Joiner::new("ash", 1);
    world.registry.add_node(&ash.name, ash.mesh_key(), &Actor::Root, NOW).await.unwrap();
    let join = async |joiner: &Joiner| {
        let request = world.request(joiner, CredentialKind::Whitelist, None, NOW);
        world.registry.join(&world.keys, &request, NOW).await
    };
    let first = join(&ash).await.unwrap();
    for id in [ann.id, first.id] {
        world.registry.leave(id, NOW).await.unwrap();
    }
    assert_eq!(world.state_of("ann"), None);
    assert_eq!(world.state_of("ash"), Some(MemberState::Expected));
    let known = world.request(&ash, CredentialKind::KnownKey, None, NOW);
    refused(world.registry.join(&world.keys, &known, NOW).await);
    assert_ne!(join(&ash).await.unwrap().id, first.id);
    // An operator's name is free, too.
    let again = world.ticket(|t| t.role = Role::Operator).await;
    world.try_join(&Joiner::operator("ann"), &again, NOW).await.unwrap();
}

#[tokio::test]
async fn keys_of_the_revoked_are_refused_for_good() {
    let world = World::new().await;
    let ash = Joiner::new("ash", 1);
    world.join(&ash).await;
    world.registry.remove((Role::Node, &ash.name), &Actor::Root, NOW).await.unwrap();
    let ticket = world.ticket(|_| ()).await;
    for name in ["ash", "elm"] {
        let back = Joiner { control: ControlKey::generate().unwrap(), ..Joiner::new(name, 1) };
        assert_eq!(
            refused(world.try_join(&back, &ticket, NOW).await),
            Refused::MeshKey("was revoked")
        );
    }
    // Nor as another node's hub key.
    let elm = Joiner::new("elm", 2);
    world.try_join(&elm, &ticket, NOW).await.unwrap();
    let registered = world.register(&elm, 1, Revision(0), NOW).await;
    assert!(
        matches!(registered, Err(Refusal::Burnt { field: "hub_public_key" })),
        "{registered:?}"
    );
}

#[tokio::test]
async fn a_mesh_key_of_a_member_or_of_the_whitelist_is_no_nodes_hub_key() {
    let world = World::new().await;
    let (ash, birch, oak) = (Joiner::new("ash", 1), Joiner::new("birch", 2), Joiner::new("oak", 3));
    world.join(&ash).await;
    // Neither has registered yet.
    world.join(&birch).await;
    world.registry.add_node(&oak.name, oak.mesh_key(), &Actor::Root, NOW).await.unwrap();
    for taken in [2, 3] {
        let registered = world.register(&ash, taken, Revision(0), NOW).await;
        let expected = Err(Refusal::KeyInUse { field: "hub_public_key" });
        assert_eq!(registered, expected, "{taken}");
    }
    world.register(&ash, 101, Revision(0), NOW).await.unwrap();
    world.register(&birch, 102, Revision(0), NOW).await.unwrap();
}

#[tokio::test]
async fn a_revoked_ticket_takes_its_members_along() {
    let world = World::new().await;
    let ticket = world.ticket(|t| t.uses = 3).await;
    world.try_join(&Joiner::new("ash", 1), &ticket, NOW).await.unwrap();
    world.try_join(&Joiner::new("elm", 2), &ticket, NOW).await.unwrap();
    world.join(&Joiner::new("oak", 3)).await;
    let CredentialKind::Ticket(id) = ticket.0 else { unreachable!() };
    let revoked = world.registry.revoke_ticket(id, false, &Actor::Root, NOW).await.unwrap();
    assert_eq!(revoked.len(), 2);
    assert_eq!(world.registry.summary(NOW).nodes, 1);
    refused(world.try_join(&Joiner::new("fir", 4), &ticket, NOW).await);
}

/// Puts `count` tickets into the store that expired at `expires`.
async fn fill(world: &World, count: u32, expires: Duration) {
    let (CredentialKind::Ticket(made), _) = world.ticket(|_| ()).await else { unreachable!() };
    let row = world.registry.state().members.tickets[&made].row.clone();
    let row = TicketRow { expires: millis(expires), ..row };
    let id = |n: u32| {
        let [a, b, c, d] = n.to_be_bytes();
        TicketId::from_random([0xff, 0, 0, 0, a, b, c, d])
    };
    let all = (0..count).fold(Transaction::new(), |transaction, n| {
        transaction.create(&ticket_key(id(n)), row.encode())
    });
    assert!(world.registry.commit(all).await.unwrap().is_some());
}

#[tokio::test]
async fn ten_thousand_tickets_make_room_for_others_once_they_are_over() {
    let world = World::new().await;
    let day = Duration::from_hours(24);
    let new = NewTicket {
        role: Role::Node,
        uses: 0,
        life: Duration::ZERO,
        name: None,
        groups: Vec::new(),
        source_cidrs: Vec::new(),
    };
    let create = async |now| world.registry.create_ticket(&new, &Actor::Root, now).await;
    // Of these one is ash's, who is a member, and one was birch's.
    let (ash, birch) = (Joiner::new("ash", 1), Joiner::new("birch", 2));
    world.join(&ash).await;
    world.join(&birch).await;
    world.registry.revoke((Role::Node, &birch.name), "", &Actor::Root, NOW).await.unwrap();
    fill(&world, 10_000, NOW).await;
    assert!(matches!(create(NOW + day).await, Err(Refusal::Full(_))));
    create(NOW + day * 2).await.unwrap();
    let left = world.registry.tickets();
    assert_eq!(left.len(), 2, "ash's and the new one");
    assert_eq!(left[0].joined, [ash.name]);
}

#[tokio::test]
async fn the_audit_log_is_a_chain_of_all_that_happened() {
    let world = World::new().await;
    world.join(&Joiner::new("ash", 1)).await;
    let ticket = world.ticket(|t| t.name = Some("oak".parse().unwrap())).await;
    refused(world.try_join(&Joiner::new("elm", 2), &ticket, NOW).await);
    let name = "ash".parse().unwrap();
    world.registry.revoke((Role::Node, &name), "lost", &Actor::Root, NOW).await.unwrap();
    let (lines, last) = world.registry.audit_lines(0, 100, false);
    let mut chain = Chain::default();
    let read: Vec<_> = lines.iter().map(|(seq, line)| chain.follow(*seq, line).unwrap()).collect();
    let told: Vec<_> = read.iter().map(|l| (l.what.as_str(), l.refused.is_some())).collect();
    let expected = [
        ("ticket.create", false),
        ("join", false),
        ("ticket.create", false),
        ("join", true),
        ("revoke", false),
    ];
    assert_eq!((told.as_slice(), last), (expected.as_slice(), 5));
    assert!(lines.iter().all(|(_, line)| !line.contains(&*ticket.1.to_text())));
    assert_eq!(world.registry.audit_lines(2, 2, false).0, lines[2..4]);
    assert_eq!(world.registry.audit_lines(0, 2, true).0, lines[3..]);
}

#[tokio::test]
async fn tokens_are_kept_as_hashes_and_end() {
    let world = World::new().await;
    let life = Duration::from_hours(1);
    let made = world.registry.create_token("installer", life, &Actor::Root, NOW).await.unwrap();
    let bearer = format!("{}.{}", made.0.id, *made.1.to_text());
    assert_eq!(world.registry.token_of(&bearer, NOW), Some(made.0.id));
    assert_eq!(world.registry.token_of(&bearer, NOW + life), None);
    let wrong = format!("{}.{}", made.0.id, *Secret::from_random([1; 32]).to_text());
    for bad in ["", ".", "x", &wrong, &bearer[1..]] {
        assert_eq!(world.registry.token_of(bad, NOW), None, "{bad}");
    }
    world.registry.revoke_token(made.0.id, &Actor::Root, NOW).await.unwrap();
    assert_eq!(world.registry.token_of(&bearer, NOW), None);
}
