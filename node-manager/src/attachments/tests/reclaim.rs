//! Who is taken away without a DEL.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::attachments::Phase;
use crate::reclaim::{Candidate, Life, LookError, Process, Reclaimer, Sign, Signs, Verdict};
use wgcni_api::node::Prune;
use wgcni_model::{ContainerId, IfName};

/// The record of container `name` in namespace `inode`, with key `n`.
pub(crate) fn record(name: &str, inode: u64, n: u8) -> Record {
    let Attach { key, namespace, public_key, .. } = request(name, inode, n);
    Record {
        key,
        path: namespace.path,
        namespace: namespace.id,
        boot: "boot-1".to_owned(),
        public_key,
        addresses: one("10.64.1.2"),
        mtu: None,
        made: Duration::ZERO,
        phase: Phase::Complete,
    }
}

/// A node with containers a, b and c in namespaces 1, 2 and 3, another network's in 4, and
/// the namespaces that show life.
struct Watched {
    node: Node,
    alive: Arc<Mutex<BTreeSet<u64>>>,
    blind: Arc<AtomicBool>,
    reclaimer: Reclaimer<Disk>,
}

impl Watched {
    async fn new(cool_down: Duration, alive: &[u64]) -> Self {
        let node = Node::new().await;
        for (name, n) in [("a", 1), ("b", 2), ("c", 3)] {
            node.attach(&request(name, n.into(), n)).await.unwrap();
        }
        let mut foreign = request("other", 4, 4);
        foreign.key.network = "othernet".parse().unwrap();
        node.attach(&foreign).await.unwrap();
        let alive: Arc<Mutex<BTreeSet<u64>>> =
            Arc::new(Mutex::new(alive.iter().copied().collect()));
        let blind = Arc::new(AtomicBool::new(false));
        let (lives, closed) = (Arc::clone(&alive), Arc::clone(&blind));
        let look = move |wanted: &BTreeSet<u64>| {
            if closed.load(Ordering::Relaxed) {
                return Err(LookError::OtherProcesses);
            }
            let sign = Sign::Open(Process { id: 7, name: "web".to_owned() });
            let lives = lives.lock().unwrap();
            let life = Life { sign, cookie: None };
            Ok(wanted.intersection(&lives).map(|inode| (*inode, life.clone())).collect::<Signs>())
        };
        let attachments = Arc::clone(&node.attachments);
        let reclaimer = Reclaimer::with(attachments, cool_down, Arc::new(look));
        Self { node, alive, blind, reclaimer }
    }

    fn names(&self) -> Vec<String> {
        let records = self.node.attachments.records();
        records.into_iter().map(|record| record.key.container_id.to_string()).collect()
    }
}

fn of_wgnet(valid: Option<BTreeSet<(ContainerId, IfName)>>) -> Prune {
    Prune { network: "wgnet".parse().unwrap(), valid }
}

fn is_due(candidate: &Candidate) -> bool {
    matches!(candidate.verdict, Verdict::Due { .. })
}

#[tokio::test]
async fn the_dead_are_taken_after_the_cool_down_and_a_dry_run_takes_nobody() {
    let watched = Watched::new(Duration::from_millis(200), &[1, 3, 4]).await;
    assert!(!watched.reclaimer.reclaim(false).await.unwrap().iter().any(is_due));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let found = watched.reclaimer.reclaim(true).await.unwrap();
    assert_eq!(found.iter().map(is_due).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!((watched.names().len(), watched.reclaimer.taken()), (4, 0));
    watched.reclaimer.reclaim(false).await.unwrap();
    assert_eq!(watched.names(), ["other", "a", "c"]);
    assert_eq!((watched.node.peers().len(), watched.reclaimer.taken()), (3, 1));
}

#[tokio::test]
async fn who_cannot_see_everything_takes_nobody_and_starts_again() {
    let watched = Watched::new(Duration::from_millis(200), &[]).await;
    watched.reclaimer.reclaim(false).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    watched.blind.store(true, Ordering::Relaxed);
    let error = watched.reclaimer.reclaim(false).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing is proven dead");
    assert!(watched.reclaimer.prune(of_wgnet(None)).await.unwrap().is_empty());
    watched.blind.store(false, Ordering::Relaxed);
    assert!(!watched.reclaimer.reclaim(false).await.unwrap().iter().any(is_due));
    assert_eq!(watched.names().len(), 4);
}

#[tokio::test]
async fn an_attachment_that_was_made_anew_is_not_taken_for_its_dead_predecessor() {
    let watched = Watched::new(Duration::from_millis(200), &[]).await;
    watched.reclaimer.reclaim(false).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    watched.alive.lock().unwrap().extend([1, 2, 4]);
    watched.node.attach(&request("c", 5, 5)).await.unwrap();
    assert!(!watched.reclaimer.reclaim(false).await.unwrap().iter().any(is_due));
    assert_eq!(watched.names().len(), 4);
}

#[tokio::test]
async fn prune_takes_what_is_not_listed_and_without_a_list_what_is_dead() {
    let watched = Watched::new(Duration::from_mins(5), &[1, 2]).await;
    let keys = |records: Vec<Record>| -> Vec<AttachmentKey> {
        records.into_iter().map(|record| record.key).collect()
    };
    let removed = watched.reclaimer.prune(of_wgnet(None)).await.unwrap();
    assert_eq!(keys(removed), [key("c")]);
    let valid = BTreeSet::from([(key("b").container_id, key("b").ifname)]);
    let removed = watched.reclaimer.prune(of_wgnet(Some(valid))).await.unwrap();
    assert_eq!(keys(removed), [key("a")]);
    let removed = watched.reclaimer.prune(of_wgnet(Some(BTreeSet::new()))).await.unwrap();
    assert_eq!(keys(removed), [key("b")]);
    // Another network's stays, dead or not.
    assert_eq!(watched.names(), ["other"]);
}
