//! What the node knows of its cluster: lease, address space, peers.
//!
//! ```text
//! cluster-manager -> client (lease, registration) --+
//!                 -> follow (stream of peers) ------+-> checked -> Membership -> reconcile
//!                                       disk <-> files
//! ```

mod client;
mod doubt;
pub(crate) mod files;
mod follow;

use std::sync::Arc;

use wgcni_model::{Cluster, Conflict, Lease, NodeName, Prefix, PublicKey, Snapshot};

pub use client::{CALL, Link, LinkState, Uplink};
pub use files::{Files, StateError};

/// A node's place in its cluster, proven to be consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// What this node owns of it.
    pub lease: Arc<Lease>,
    /// The peers, this node included once it is registered.
    pub peers: Arc<Snapshot>,
}

/// Why a list of peers is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Two peers cannot both be right.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// It says something else of this node than this node knows.
    #[error("this node is listed with {what} {listed}, but it has {own}")]
    Self_ {
        /// What differs.
        what: &'static str,
        /// What the list says.
        listed: String,
        /// What is so.
        own: String,
    },
    /// Somebody claims what is leased to this node.
    #[error("peer {0} claims {1}, which is leased to this node")]
    Claim(NodeName, Prefix),
}

/// Proves that a list of peers can live beside this node.
///
/// # Errors
/// The first reason why not.
pub fn check(
    peers: &Snapshot,
    cluster: &Cluster,
    lease: &Lease,
    key: PublicKey,
) -> Result<(), Refusal> {
    peers.check(&cluster.prefixes)?;
    let differs = |what, listed: String, own: String| Refusal::Self_ { what, listed, own };
    match peers.peers.get(&lease.node) {
        Some(own) if own.mesh_key != key => {
            Err(differs("key", own.mesh_key.to_string(), key.to_string()))
        }
        Some(own) if own.allowed_ips != lease.prefixes => {
            Err(differs("lease", own.allowed_ips.to_string(), lease.prefixes.to_string()))
        }
        // With our own entry in the list, the check above found other claims.
        Some(_) => Ok(()),
        None => peers.peers.values().try_for_each(|peer| {
            let claim = peer.allowed_ips.overlap(&lease.prefixes);
            claim.map_or(Ok(()), |(theirs, _)| Err(Refusal::Claim(peer.node.clone(), theirs)))
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wgcni_model::{ClusterId, Peer, Prefixes, PrivateKey, Revision};

    fn prefixes(text: &str) -> Prefixes {
        Prefixes::from_items([text.parse().unwrap()]).unwrap()
    }

    fn key(n: u8) -> PublicKey {
        PrivateKey::from_random([n; 32]).public_key()
    }

    fn peer(name: &str, n: u8, prefix: &str) -> Peer {
        Peer {
            node: name.parse().unwrap(),
            mesh_key: key(n),
            endpoints: wgcni_model::Endpoints::default(),
            allowed_ips: prefixes(prefix),
        }
    }

    fn verdict(peers: impl IntoIterator<Item = Peer>) -> Result<(), Refusal> {
        let cluster =
            Cluster { id: ClusterId::from_random([1; 16]), prefixes: prefixes("10.64.0.0/12") };
        let lease = Lease { node: "own".parse().unwrap(), prefixes: prefixes("10.64.1.0/24") };
        let peers = Snapshot::new(wgcni_model::History::default(), Revision(1), peers);
        check(&peers, &cluster, &lease, key(1))
    }

    #[test]
    fn lists_that_contradict_this_node_are_refused() {
        let other = || peer("other", 2, "10.64.2.0/24");
        assert_eq!(verdict([other()]), Ok(()));
        assert_eq!(verdict([other(), peer("own", 1, "10.64.1.0/24")]), Ok(()));
        assert!(matches!(verdict([peer("own", 3, "10.64.1.0/24")]), Err(Refusal::Self_ { .. })));
        assert!(matches!(verdict([peer("own", 1, "10.64.3.0/24")]), Err(Refusal::Self_ { .. })));
        assert!(matches!(verdict([peer("x", 2, "10.64.1.0/25")]), Err(Refusal::Claim(..))));
        let twin = [other(), peer("own", 1, "10.64.1.0/24"), peer("y", 3, "10.64.1.9/32")];
        assert!(matches!(verdict(twin), Err(Refusal::Conflict(_))));
    }
}
