//! The list of peers, and how it changes.

use crate::key::PublicKey;
use crate::name::NodeName;
use crate::peer::{History, Peer, Revision};
use crate::prefix::{Prefix, Prefixes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All peers at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which history the revision belongs to.
    pub history: History,
    /// When.
    pub revision: Revision,
    /// The peers by name; `peers[n].node == n`.
    pub peers: BTreeMap<NodeName, Peer>,
}

/// What changed between two revisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Which history the revision after the change belongs to.
    pub history: History,
    /// The changes are those after this revision.
    pub after: Revision,
    /// The revision after the change.
    pub revision: Revision,
    /// New and changed peers.
    pub upserted: Vec<Peer>,
    /// Nodes that left.
    pub removed: Vec<NodeName>,
}

/// A change that does not follow what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("changes from revision {after} to {to} do not follow revision {held}")]
pub struct Gap {
    held: Revision,
    after: Revision,
    to: Revision,
}

/// Two peers that cannot both be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Both claim an address.
    #[error("peers {0} and {1} both claim {2}")]
    Prefix(NodeName, NodeName, Prefix),
    /// Both have the key.
    #[error("peers {0} and {1} have the same key {2}")]
    Key(NodeName, NodeName, PublicKey),
    /// One claims what is not the cluster's.
    #[error("peer {0} claims {1}, which is not inside the cluster's prefixes")]
    Foreign(NodeName, Prefix),
}

impl Snapshot {
    /// Makes a snapshot of a list; of two peers with one name the later counts.
    pub fn new(
        history: History,
        revision: Revision,
        peers: impl IntoIterator<Item = Peer>,
    ) -> Self {
        let peers = peers.into_iter().map(|peer| (peer.node.clone(), peer)).collect();
        Self { history, revision, peers }
    }

    /// Makes a snapshot of lists that may contradict each other: of peers that cannot
    /// both be right the earlier counts. The result passes [`check`](Self::check).
    pub fn first_of<'a>(
        history: History,
        revision: Revision,
        peers: impl IntoIterator<Item = &'a Peer>,
        cluster: &Prefixes,
    ) -> Self {
        let mut claims = Claims::default();
        let mut all = Self { history, revision, peers: BTreeMap::new() };
        for peer in peers {
            if !all.peers.contains_key(&peer.node) && claims.add(peer, cluster).is_ok() {
                all.peers.insert(peer.node.clone(), peer.clone());
            }
        }
        all
    }

    /// Follows the history by one step. Changes that are held already are no harm.
    ///
    /// # Errors
    /// When changes are missing between what is held and these, or these are older;
    /// nothing is changed then.
    pub fn apply(&mut self, delta: Delta) -> Result<(), Gap> {
        if delta.after > self.revision || delta.revision < self.revision {
            let (after, to) = (delta.after, delta.revision);
            return Err(Gap { held: self.revision, after, to });
        }
        for node in &delta.removed {
            self.peers.remove(node);
        }
        for peer in delta.upserted {
            self.peers.insert(peer.node.clone(), peer);
        }
        (self.history, self.revision) = (delta.history, delta.revision);
        Ok(())
    }

    /// Proves that the peers can live in one mesh: no key twice, no address claimed
    /// twice, nothing claimed outside the cluster. Nodes check again what the
    /// cluster-manager sends, because WireGuard would let the second claim win silently.
    ///
    /// # Errors
    /// The first conflict.
    pub fn check(&self, cluster: &Prefixes) -> Result<(), Conflict> {
        let mut claims = Claims::default();
        self.peers.values().try_for_each(|peer| claims.add(peer, cluster))
    }
}

/// What peers claim that do not contradict each other.
#[derive(Default)]
struct Claims<'a> {
    keys: BTreeMap<PublicKey, &'a NodeName>,
    prefixes: BTreeMap<Prefix, &'a NodeName>,
}

impl<'a> Claims<'a> {
    /// Adds all that a peer claims, or nothing.
    fn add(&mut self, peer: &'a Peer, cluster: &Prefixes) -> Result<(), Conflict> {
        let node = &peer.node;
        if let Some(other) = self.keys.get(&peer.mesh_key) {
            return Err(Conflict::Key((*other).clone(), node.clone(), peer.mesh_key));
        }
        for prefix in peer.allowed_ips.iter() {
            if !cluster.iter().any(|c| c.covers(&prefix)) {
                return Err(Conflict::Foreign(node.clone(), prefix));
            }
            if let Some(other) = self.owner(&prefix) {
                return Err(Conflict::Prefix(other.clone(), node.clone(), prefix));
            }
        }
        self.keys.insert(peer.mesh_key, node);
        self.prefixes.extend(peer.allowed_ips.iter().map(|prefix| (prefix, node)));
        Ok(())
    }

    /// Who claims a part of `prefix` already. Claims do not overlap, so only the
    /// neighbours in address order can.
    fn owner(&self, prefix: &Prefix) -> Option<&'a NodeName> {
        let before = self.prefixes.range(..=*prefix).next_back();
        let after = self.prefixes.range(*prefix..).next();
        before.into_iter().chain(after).find(|(p, _)| p.overlaps(prefix)).map(|(_, node)| *node)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::PrivateKey;
    use crate::peer::Endpoints;
    use proptest::prelude::*;

    fn peer(n: u8, prefix: &str) -> Peer {
        Peer {
            node: format!("n{n}").parse().unwrap(),
            mesh_key: PrivateKey::from_random([n; 32]).public_key(),
            endpoints: Endpoints::default(),
            allowed_ips: Prefixes::from_items([prefix.parse().unwrap()]).unwrap(),
        }
    }

    fn snapshot(peers: impl IntoIterator<Item = Peer>) -> Snapshot {
        Snapshot::new(History::default(), Revision(1), peers)
    }

    fn cluster() -> Prefixes {
        Prefixes::from_items(["10.64.0.0/12".parse().unwrap()]).unwrap()
    }

    #[test]
    fn peers_that_claim_the_same_are_refused() {
        let ok = snapshot([peer(1, "10.64.1.0/24"), peer(2, "10.64.2.0/24")]);
        assert_eq!(ok.check(&cluster()), Ok(()));
        for other in ["10.64.1.0/24", "10.64.1.128/25", "10.64.0.0/16"] {
            let bad = snapshot([peer(1, "10.64.1.0/24"), peer(2, other)]);
            assert!(matches!(bad.check(&cluster()), Err(Conflict::Prefix(..))), "{other}");
        }
        let foreign = snapshot([peer(1, "10.0.1.0/24")]);
        assert!(matches!(foreign.check(&cluster()), Err(Conflict::Foreign(..))));
        let mut twin = peer(2, "10.64.2.0/24");
        twin.mesh_key = peer(1, "10.64.1.0/24").mesh_key;
        let same_key = snapshot([peer(1, "10.64.1.0/24"), twin]);
        assert!(matches!(same_key.check(&cluster()), Err(Conflict::Key(..))));
    }

    #[test]
    fn of_peers_that_contradict_each_other_the_earlier_counts() {
        let mut moved = peer(1, "10.64.9.0/24");
        moved.mesh_key = peer(9, "10.64.9.0/24").mesh_key;
        let mut twin = peer(4, "10.64.4.0/24");
        twin.mesh_key = peer(2, "10.64.2.0/24").mesh_key;
        let all = [
            peer(1, "10.64.1.0/24"),
            peer(2, "10.64.2.0/24"),
            moved,
            peer(3, "10.64.2.128/25"),
            twin,
            peer(5, "10.0.5.0/24"),
            peer(6, "10.64.9.0/24"),
        ];
        let first = Snapshot::first_of(History::default(), Revision(1), &all, &cluster());
        assert_eq!(first, snapshot([all[0].clone(), all[1].clone(), all[6].clone()]));
    }

    #[test]
    fn changes_that_do_not_follow_are_refused_and_change_nothing() {
        let mut held = snapshot([peer(1, "10.64.1.0/24")]);
        held.revision = Revision(5);
        let delta = |after, to| Delta {
            after: Revision(after),
            revision: Revision(to),
            upserted: vec![peer(2, "10.64.2.0/24")],
            removed: vec![peer(1, "10.64.1.0/24").node],
            history: History::from_random([1; 16]),
        };
        let before = held.clone();
        let gap = held.apply(delta(6, 7)).unwrap_err();
        assert_eq!(gap.to_string(), "changes from revision 6 to 7 do not follow revision 5");
        held.apply(delta(3, 4)).unwrap_err();
        assert_eq!(held, before);
        held.apply(delta(3, 7)).unwrap();
        held.apply(delta(3, 7)).unwrap();
        assert_eq!(held.revision, Revision(7));
        assert_eq!(held.history, History::from_random([1; 16]));
        assert_eq!(held.peers.keys().map(NodeName::as_str).collect::<Vec<_>>(), ["n2"]);
    }

    proptest! {
        #[test]
        fn overlaps_are_found_like_by_comparing_all_pairs(
            claims in prop::collection::vec((0u32..64, 18u8..=28), 1..20)
        ) {
            let peers = claims.iter().enumerate().map(|(n, (third, length))| {
                let address = u32::from_be_bytes([10, 64, 0, 0]) + (third << 12);
                let net = ipnetwork::Ipv4Network::new(address.into(), *length).unwrap();
                peer(u8::try_from(n).unwrap() + 1, &format!("{}/{length}", net.network()))
            });
            let peers: Vec<Peer> = peers.collect();
            let pairwise = peers.iter().enumerate().any(|(i, a)| {
                peers[..i].iter().any(|b| a.allowed_ips.overlap(&b.allowed_ips).is_some())
            });
            prop_assert_eq!(snapshot(peers).check(&cluster()).is_err(), pairwise);
        }
    }
}
