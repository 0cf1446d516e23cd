#![allow(clippy::unwrap_used)]
use super::*;
use wgcni_model::{Cluster, ClusterId, Lease, Prefixes, PrivateKey, Snapshot};

/// Tells what it was asked for, and refuses some of it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    passes: Vec<Parts>,
    refused: Parts,
}

impl Kernel for Recorder {
    fn apply(&mut self, _: &Wish, parts: Parts) -> Result<usize, String> {
        let mut recorded = self.0.lock().unwrap();
        recorded.passes.push(parts);
        let refused = recorded.refused;
        if !refused.is_empty() && parts.contains(refused) {
            return Err("no".to_owned());
        }
        Ok(0)
    }

    fn hub_peer(&mut self, _: PublicKey) -> Result<Option<Peer>, String> {
        Ok(None)
    }
}

impl Recorder {
    fn refuse(&self, parts: Parts) {
        self.0.lock().unwrap().refused = parts;
    }

    fn take(&self) -> Vec<Parts> {
        std::mem::take(&mut self.0.lock().unwrap().passes)
    }
}

fn start() -> (Arc<Reconciler>, Recorder, Worker) {
    let (reconciler, kernel) = (Arc::new(Reconciler::default()), Recorder::default());
    let resync = Duration::from_hours(1);
    let worker = Worker::start(Arc::clone(&reconciler), kernel.clone(), resync).unwrap();
    (reconciler, kernel, worker)
}

fn membership(revision: u64) -> Membership {
    let prefixes = |text: &str| Prefixes::from_items([text.parse().unwrap()]).unwrap();
    let (id, cluster) = (ClusterId::from_random([1; 16]), prefixes("10.64.0.0/12"));
    let peers = Snapshot { revision: Revision(revision), ..Snapshot::default() };
    Membership {
        cluster: Arc::new(Cluster { id, prefixes: cluster }),
        lease: Arc::new(Lease { node: "one".parse().unwrap(), prefixes: prefixes("10.64.1.0/24") }),
        peers: Arc::new(peers),
    }
}

fn put(reconciler: &Reconciler, n: u8) -> u64 {
    let address = Addresses::from_items([format!("10.64.1.{n}").parse().unwrap()]).unwrap();
    reconciler.put_peer(PrivateKey::from_random([n; 32]).public_key(), address, None)
}

const SOON: Duration = Duration::from_secs(30);

async fn ready(reconciler: &Reconciler) {
    reconciler.subscribe().wait_for(|applied| applied.ready).await.unwrap();
}

#[tokio::test]
async fn first_pass_is_full_and_later_ones_look_at_what_changed() {
    let (reconciler, kernel, _worker) = start();
    reconciler.set_membership(membership(1));
    ready(&reconciler).await;
    assert_eq!(kernel.take(), [Parts::ALL]);
    reconciler.applied(put(&reconciler, 2), SOON).await.unwrap();
    assert_eq!(kernel.take(), [Parts::HUB]);
    reconciler.set_membership(membership(2));
    let mut applied = reconciler.subscribe();
    applied.wait_for(|applied| applied.revision == Revision(2)).await.unwrap();
    assert_eq!(kernel.take(), [Parts::MESH | Parts::ROUTES]);
}

#[tokio::test]
async fn nothing_is_wanted_before_there_is_a_lease() {
    let (reconciler, kernel, worker) = start();
    let sequence = put(&reconciler, 2);
    let error = reconciler.applied(sequence, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, ApplyError::Late(_)), "{error}");
    drop(worker);
    assert_eq!(kernel.take(), []);
}

#[tokio::test]
async fn refused_wish_is_told_and_tried_again() {
    let (reconciler, kernel, _worker) = start();
    reconciler.set_membership(membership(1));
    ready(&reconciler).await;
    kernel.refuse(Parts::HUB);
    let sequence = put(&reconciler, 2);
    let error = reconciler.applied(sequence, SOON).await.unwrap_err();
    assert_eq!(error, ApplyError::Refused("no".into()));
    kernel.refuse(Parts::NONE);
    let mut applied = reconciler.subscribe();
    applied.wait_for(|a| a.sequence >= sequence && a.failure.is_none()).await.unwrap();
}

#[tokio::test]
async fn part_that_keeps_failing_does_not_hold_up_the_others() {
    let (reconciler, kernel, _worker) = start();
    reconciler.set_membership(membership(1));
    ready(&reconciler).await;
    kernel.refuse(Parts::MESH);
    reconciler.set_membership(membership(2));
    let mut applied = reconciler.subscribe();
    applied.wait_for(|applied| applied.failure.is_some()).await.unwrap();
    // A retry may fall into the same pass as a container, which then is told to come again.
    let mut attempts = 0;
    while reconciler.applied(put(&reconciler, 3), SOON).await.is_err() {
        attempts += 1;
        assert!(attempts < 100);
    }
    assert_eq!(applied.borrow().revision, Revision(1));
    kernel.refuse(Parts::NONE);
    applied.wait_for(|applied| applied.revision == Revision(2)).await.unwrap();
}
