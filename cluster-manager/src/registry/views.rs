//! What the registry shows: leases and peers, as of now.

use std::collections::BTreeMap;
use std::time::Duration;

use wgcni_ipam::Usage;
use wgcni_model::{Lease, NodeName, Peer, Prefixes, PublicKey, Revision};

use super::{Registry, Seen};
use crate::members::LONGEST_HOLD;

/// A released lease that rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// As it was.
    pub lease: Lease,
    /// When it may be given again.
    pub free_at: Duration,
}

/// All leases at one time.
#[derive(Debug, Clone)]
pub struct Leases {
    /// In use, by node.
    pub leased: Vec<Lease>,
    /// At rest.
    pub resting: Vec<Resting>,
    /// How full each family is.
    pub pools: Vec<Usage>,
}

/// A peer, with what only operators need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub peer: Peer,
    /// Its hub key.
    pub hub_key: PublicKey,
    /// Its last sign of life.
    pub seen: Option<Seen>,
}

/// The mesh in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mesh {
    /// Registered peers.
    pub peers: usize,
    /// When one of them changed last: who has applied this lacks nothing.
    pub revision: Revision,
}

impl Registry {
    /// The mesh in numbers.
    pub fn mesh(&self) -> Mesh {
        let state = self.state();
        Mesh { peers: state.peers.len(), revision: state.peers_revision() }
    }

    /// How full each family is.
    pub fn pools(&self, now: Duration) -> Vec<Usage> {
        self.state().usage(now)
    }

    /// How many were refused when they tried to join, since this program started.
    pub fn refused_joins(&self) -> u64 {
        self.refusals().all()
    }

    /// All leases.
    pub fn leases(&self, now: Duration) -> Leases {
        let state = self.state();
        let mut resting: BTreeMap<(NodeName, Duration), Vec<_>> = BTreeMap::new();
        for (prefix, stored) in &state.prefixes {
            let Some(released) = stored.row.released else { continue };
            // Held: until all nodes have acknowledged, or so long.
            let rest = if stored.row.held { LONGEST_HOLD } else { self.config.quarantine };
            let free_at = Duration::from_millis(released) + rest;
            if free_at > now {
                resting.entry((stored.row.node.clone(), free_at)).or_default().push(*prefix);
            }
        }
        let resting = resting.into_iter().filter_map(|((node, free_at), prefixes)| {
            let prefixes = Prefixes::from_items(prefixes).ok()?;
            Some(Resting { lease: Lease { node, prefixes }, free_at })
        });
        Leases {
            leased: state.leases.keys().filter_map(|node| state.lease(node)).collect(),
            resting: resting.collect(),
            pools: state.usage(now),
        }
    }

    /// All peers, at a revision.
    pub fn peers(&self) -> (Revision, Vec<PeerStatus>) {
        let state = self.state();
        let names = self.names();
        let status = |peer: Peer| {
            let hub_key = state.peers.get(&peer.node)?.row.hub_key;
            Some(PeerStatus { seen: names.seen(&peer.node), hub_key, peer })
        };
        let peers = state.peers.keys().filter_map(|node| status(state.peer(node)?));
        (state.revision, peers.collect())
    }
}
