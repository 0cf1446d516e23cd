//! The registry against the plainest program that keeps the same rules.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectrpc::{CodecFormat, Encodable};
use futures::StreamExt;
use proptest::prelude::*;
use tokio::task::JoinHandle;
use wgcni_api::watch::Event;
use wgcni_api::wireguard_v1::WatchPeersResponse;
use wgcni_api::{Claim, Registration};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::config::{File, Flags, layered};
use wgcni_model::{
    Endpoints, History, NodeName, Prefixes, PrivateKey, PublicKey, Revision, Snapshot,
};
use wgcni_store::MemoryStore;

use super::Registry;
use crate::config::{Config, Settings};
use crate::watch::Hub;
use crate::{Refusal, feed};

/// Nodes, of which a cluster of 8 leases cannot serve all.
const NODES: u8 = 10;
const REST: u64 = 60;
const TAKEOVER: u64 = 30;

/// The rules. Leases and keys are numbers, times are seconds.
#[derive(Default)]
struct Model {
    now: u64,
    started: u64,
    revision: u64,
    leases: BTreeMap<u8, u8>,
    rests: BTreeMap<u8, (u8, u64)>,
    keys: BTreeMap<u8, u8>,
    seen: BTreeMap<u8, u64>,
    out: BTreeMap<u8, (u8, u64)>,
}

impl Model {
    fn allocate(&mut self, node: u8, held: Option<u8>) -> Result<u8, &'static str> {
        if let Some(lease) = self.leases.get(&node) {
            return Ok(*lease);
        }
        let taken = |n: &u8| self.leases.values().any(|lease| lease == n);
        let rested = |since: u64| since + REST <= self.now;
        let may = |n: &u8| {
            let rest = self.rests.get(n);
            !taken(n) && rest.is_none_or(|(last, since)| *last == node || rested(*since))
        };
        let fresh = (0..8).find(|n| !taken(n) && !self.rests.contains_key(n));
        let oldest = self.rests.iter().map(|(n, (_, since))| (*since, *n)).min();
        let again = oldest.filter(|(since, _)| rested(*since)).map(|(_, n)| n);
        let lease = held.filter(|n| *n < 8 && may(n)).or(fresh).or(again).ok_or("exhausted")?;
        self.rests.remove(&lease);
        self.leases.insert(node, lease);
        self.revision += 1;
        Ok(lease)
    }

    fn register(&mut self, node: u8, key: u8) -> Result<(), &'static str> {
        let recent = |at: u64| self.now - at < TAKEOVER;
        let last = *self.seen.get(&node).unwrap_or(&self.started);
        match (self.keys.get(&node), self.out.get(&node)) {
            (Some(holder), _) if *holder != key && recent(last) => return Err("name in use"),
            (None, Some((out, at))) if *out == key && recent(*at) => return Err("taken out"),
            _ => {}
        }
        if !self.leases.contains_key(&node) {
            return Err("no lease");
        }
        if self.keys.iter().any(|(other, has)| *has == key && *other != node) {
            return Err("key in use");
        }
        if self.keys.insert(node, key) != Some(key) {
            self.revision += 1;
        }
        self.seen.insert(node, self.now);
        self.out.remove(&node);
        Ok(())
    }

    fn deregister(&mut self, node: u8) -> bool {
        let key = self.keys.remove(&node);
        if let Some(key) = key {
            self.out.insert(node, (key, self.now));
            self.seen.remove(&node);
        }
        key.is_some()
    }

    fn release(&mut self, node: u8) {
        if let Some(lease) = self.leases.remove(&node) {
            self.rests.insert(lease, (node, self.now));
            self.deregister(node);
            self.revision += 1;
        }
    }

    fn restart(&mut self) {
        self.seen.clear();
        self.out.clear();
        self.started = self.now;
        self.revision += 1;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Allocate(u8, Option<u8>),
    Register(u8, u8),
    Deregister(u8),
    Release(u8),
    Wait(u64),
    Restart,
    /// A reader that was away looks again.
    Look(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..NODES;
    prop_oneof![
        6 => (node.clone(), prop::option::of(0u8..9)).prop_map(|(n, held)| Step::Allocate(n, held)),
        // Most have a key of their own.
        8 => (node.clone(), prop_oneof![3 => Just(None), 1 => (0..NODES).prop_map(Some)])
            .prop_map(|(n, other)| Step::Register(n, other.unwrap_or(n))),
        2 => node.clone().prop_map(Step::Deregister),
        2 => node.prop_map(Step::Release),
        4 => (0u64..50).prop_map(Step::Wait),
        1 => Just(Step::Restart),
        2 => (1usize..4).prop_map(Step::Look),
    ]
}

fn name(node: u8) -> NodeName {
    format!("n{node}").parse().unwrap()
}

fn key(n: u8) -> PublicKey {
    PrivateKey::from_random([n + 1; 32]).public_key()
}

fn lease(n: u8) -> Prefixes {
    Prefixes::from_items([format!("10.64.{n}.0/24").parse().unwrap()]).unwrap()
}

fn config() -> Config {
    let mut layered = layered::<Settings>(&File::optional("/nowhere"), &Flags::default());
    layered.settings.complete(([1; 16], [2; 5]));
    layered.settings.prefix_v4 = Some("10.64.0.0/21".to_owned());
    layered.settings.prefix_v6 = Some("none".to_owned());
    Config::check(layered).unwrap()
}

/// A registry under test, and readers that each hold what they saw last.
struct Real {
    store: Arc<MemoryStore>,
    registry: Arc<Registry>,
    hub: Arc<Hub>,
    feed: JoinHandle<()>,
    runs: u8,
    seen: [Snapshot; 4],
}

impl Real {
    async fn start(store: Arc<MemoryStore>, runs: u8, now: u64, seen: [Snapshot; 4]) -> Self {
        let (config, now) = (config(), Duration::from_secs(now));
        let run = History::from_random([runs; 16]);
        let same = Arc::<MemoryStore>::clone(&store);
        let registry = Arc::new(Registry::start(same, &config, now, &run).await.unwrap());
        let hub = Hub::new(Arc::clone(&registry), config.heartbeat, CancellationToken::new());
        let follow = feed::follow(Arc::clone(&registry));
        let feed = tokio::spawn(async move { drop(follow.await) });
        Self { store, registry, hub, feed, runs, seen }
    }

    async fn restart(self, now: u64) -> Self {
        self.feed.abort();
        Self::start(self.store, self.runs + 1, now, self.seen).await
    }

    /// A reader takes what it lacks; then it has all that there is.
    async fn look(&mut self, reader: usize) -> &Snapshot {
        let seen = &mut self.seen[reader];
        let mut stream = Box::pin(self.hub.stream(seen.revision, &seen.history));
        let event = stream.next().await.unwrap().unwrap();
        let json = event.encode(CodecFormat::Json).unwrap();
        let message: WatchPeersResponse = serde_json::from_slice(&json).unwrap();
        match Event::try_from(message).unwrap() {
            Event::Snapshot { peers, supersedes } => {
                assert!(supersedes, "the past is known");
                *seen = peers;
            }
            Event::Delta(delta) => seen.apply(delta).unwrap(),
            Event::Heartbeat(history) => seen.history = history,
        }
        seen
    }

    async fn register(&self, node: u8, n: u8, now: Duration) -> Result<(), &'static str> {
        let wanted = Registration {
            node: name(node),
            mesh_key: key(n),
            hub_key: key(100 + n),
            endpoints: Endpoints::default(),
            applied: Revision(0),
        };
        self.registry.register(&wanted, now).await.map(drop).map_err(|error| kind(&error))
    }
}

fn kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Exhausted { .. } => "exhausted",
        Refusal::NoLease(_) => "no lease",
        Refusal::KeyInUse { .. } => "key in use",
        Refusal::NameInUse { .. } => "name in use",
        Refusal::TakenOut { .. } => "taken out",
        _ => "?",
    }
}

async fn compare(steps: Vec<Step>) {
    let mut model = Model::default();
    let store = Arc::new(MemoryStore::new());
    let mut real = Real::start(store, 0, 0, Default::default()).await;
    // Settings, and the first start.
    model.revision = 2;
    for step in steps {
        let now = Duration::from_secs(model.now);
        match step {
            Step::Wait(seconds) => model.now += seconds,
            Step::Restart => {
                real = real.restart(model.now).await;
                model.restart();
            }
            Step::Allocate(node, held) => {
                let claim = Claim { node: name(node), held: held.map(lease) };
                let given = real.registry.allocate(&claim, now).await;
                let given = given.map(|given| given.prefixes).map_err(|error| kind(&error));
                assert_eq!(given, model.allocate(node, held).map(lease));
            }
            Step::Register(node, n) => {
                assert_eq!(real.register(node, n, now).await, model.register(node, n));
            }
            Step::Deregister(node) => {
                real.registry.deregister(&name(node), now).await.unwrap();
                model.revision += u64::from(model.deregister(node));
            }
            Step::Release(node) => {
                real.registry.release(&name(node), now).await.unwrap();
                model.release(node);
            }
            Step::Look(reader) => {
                let seen = real.look(reader).await.peers.clone();
                assert_eq!(seen, real.registry.snapshot().peers);
            }
        }
        assert_eq!(real.registry.revision(), Revision(model.revision));
        // The first reader looks all the time.
        let seen = real.look(0).await.peers.values();
        let seen = seen.map(|peer| (peer.node.clone(), (peer.mesh_key, peer.allowed_ips)));
        let listed = model.keys.iter();
        let listed = listed.map(|(n, k)| (name(*n), (key(*k), lease(model.leases[n]))));
        assert_eq!(seen.collect::<BTreeMap<_, _>>(), listed.collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn registry_answers_as_the_plainest_program_would(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(compare(steps));
    }
}
