//! What a node believes of a cluster-manager that came back without its memory.
//!
//! A store that was lost or restored from a backup lists fewer peers than there are, or
//! old ones. They register again by and by, and are news then. Until they have, or a
//! grace time has passed, what the node held counts for more than what the list says.

use std::collections::BTreeSet;

use tokio::time::Instant;
use wgcni_model::{Delta, NodeName, Peer, PublicKey, Snapshot};

use super::Membership;

/// Doubt in a list of peers.
#[derive(Debug)]
pub(super) struct Doubt {
    /// What was believed before.
    held: Snapshot,
    /// Nodes of which there was news since.
    news: BTreeSet<NodeName>,
    until: Instant,
}

impl Doubt {
    /// Begins to doubt.
    pub fn new(held: Snapshot, until: Instant) -> Self {
        Self { held, news: BTreeSet::new(), until }
    }

    /// Whether the grace time has passed.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// Takes note of what changed since.
    pub fn note(&mut self, delta: &Delta) {
        self.news.extend(delta.upserted.iter().map(|peer| peer.node.clone()));
        self.news.extend(delta.removed.iter().cloned());
    }

    /// The peers to believe in: first this node itself, then the news, then what was held,
    /// then the rest of what is said. What contradicts something earlier is left out.
    pub fn settle(&self, said: &Snapshot, membership: &Membership, key: PublicKey) -> Snapshot {
        let Membership { cluster, lease, .. } = membership;
        let own = Peer {
            node: lease.node.clone(),
            mesh_key: key,
            endpoints: wgcni_model::Endpoints::default(),
            allowed_ips: lease.prefixes,
        };
        let is_news = |peer: &&Peer| self.news.contains(&peer.node);
        let news = said.peers.values().filter(is_news);
        let held = self.held.peers.values().filter(|peer| !is_news(peer));
        let all = std::iter::once(&own).chain(news).chain(held).chain(said.peers.values());
        let (history, revision) = (said.history.clone(), said.revision);
        let mut list = Snapshot::first_of(history, revision, all, &cluster.prefixes);
        match said.peers.get(&own.node) {
            Some(listed) => list.peers.insert(own.node, listed.clone()),
            None => list.peers.remove(&own.node),
        };
        list
    }

    /// What to keep on disk for `list`: a start that reads it begins to doubt again.
    pub fn unsettled(&self, list: &Snapshot) -> Snapshot {
        let Snapshot { history, revision, .. } = &self.held;
        Snapshot { history: history.clone(), revision: *revision, peers: list.peers.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;
    use wgcni_model::{Cluster, ClusterId, History, Lease, Prefixes, PrivateKey, Revision};

    fn key(n: u8) -> PublicKey {
        PrivateKey::from_random([n; 32]).public_key()
    }

    fn prefixes(text: &str) -> Prefixes {
        Prefixes::from_items([text.parse().unwrap()]).unwrap()
    }

    /// `name key third`: a peer with `10.64.third.0/24`.
    fn peer(text: &str) -> Peer {
        let words: Vec<&str> = text.split(' ').collect();
        Peer {
            node: words[0].parse().unwrap(),
            mesh_key: key(words[1].parse().unwrap()),
            endpoints: wgcni_model::Endpoints::default(),
            allowed_ips: prefixes(&format!("10.64.{}.0/24", words[2])),
        }
    }

    fn list(peers: &[&str]) -> Snapshot {
        let peers = peers.iter().map(|text| peer(text));
        Snapshot::new(History::from_random([2; 16]), Revision(3), peers)
    }

    /// What `own` (key 1, lease 1) believes of `said` when it held `held`, as names and keys.
    fn believed(held: &[&str], news: &[&str], said: &[&str]) -> Snapshot {
        let mut doubt = Doubt::new(list(held), Instant::now());
        let upserted = news.iter().map(|text| peer(text)).collect();
        let removed = vec!["left".parse().unwrap()];
        doubt.note(&Delta { upserted, removed, ..Delta::default() });
        let membership = Membership {
            cluster: Arc::new(Cluster {
                id: ClusterId::from_random([1; 16]),
                prefixes: prefixes("10.64.0.0/12"),
            }),
            lease: Arc::new(Lease {
                node: "own".parse().unwrap(),
                prefixes: prefixes("10.64.1.0/24"),
            }),
            peers: Arc::default(),
        };
        doubt.settle(&list(&[said, news].concat()), &membership, key(1))
    }

    #[test]
    fn peers_stay_until_there_is_news_of_them() {
        let held = ["own 1 1", "two 2 2", "three 3 3", "left 9 9"];
        assert_eq!(believed(&held, &[], &[]), list(&["two 2 2", "three 3 3"]));
        let new_key = believed(&held, &["two 22 2"], &["own 1 1"]);
        assert_eq!(new_key, list(&["own 1 1", "two 22 2", "three 3 3"]));
    }

    #[test]
    fn an_old_list_adds_what_contradicts_nothing() {
        let held = ["two 22 2", "three 3 3"];
        let said = ["two 2 2", "four 4 4", "five 5 3", "six 22 6"];
        assert_eq!(believed(&held, &[], &said), list(&["two 22 2", "three 3 3", "four 4 4"]));
    }

    #[test]
    fn news_and_the_own_lease_count_for_more_than_what_was_held() {
        let held = ["two 2 2", "three 3 1", "four 4 4"];
        let news = ["five 5 2"];
        assert_eq!(believed(&held, &news, &[]), list(&["five 5 2", "four 4 4"]));
    }
}
