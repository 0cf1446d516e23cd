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

pub(crate) use client::note_refused;
pub use client::{CALL, Ends, Link, LinkState, Uplink};
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
    /// Somebody claims a key that is this node's.
    #[error("peer {0} is listed with this node's own {1} key")]
    Key(NodeName, &'static str),
}

/// This node's public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Towards the other nodes.
    pub mesh: PublicKey,
    /// Towards the containers.
    pub hub: PublicKey,
}

/// Proves that a list of peers can live beside this node.
///
/// # Errors
/// The first reason why not.
pub fn check(
    peers: &Snapshot,
    cluster: &Cluster,
    lease: &Lease,
    keys: Keys,
) -> Result<(), Refusal> {
    peers.check(&cluster.prefixes)?;
    let differs = |what, listed: String, own: String| Refusal::Self_ { what, listed, own };
    for peer in peers.peers.values() {
        let is_own = peer.node == lease.node;
        if peer.mesh_key == keys.hub {
            return Err(Refusal::Key(peer.node.clone(), "hub"));
        }
        if peer.mesh_key == keys.mesh && !is_own {
            return Err(Refusal::Key(peer.node.clone(), "mesh"));
        }
        if is_own && peer.mesh_key != keys.mesh {
            return Err(differs("key", peer.mesh_key.to_string(), keys.mesh.to_string()));
        }
        if is_own && peer.allowed_ips != lease.prefixes {
            let (listed, own) = (peer.allowed_ips.to_string(), lease.prefixes.to_string());
            return Err(differs("lease", listed, own));
        }
        if let Some((theirs, _)) = peer.allowed_ips.overlap(&lease.prefixes)
            && !is_own
        {
            return Err(Refusal::Claim(peer.node.clone(), theirs));
        }
    }
    Ok(())
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
        check(&peers, &cluster, &lease, Keys { mesh: key(1), hub: key(9) })
    }

    #[test]
    fn lists_that_contradict_this_node_are_refused() {
        let other = || peer("other", 2, "10.64.2.0/24");
        assert_eq!(verdict([other()]), Ok(()));
        assert_eq!(verdict([other(), peer("own", 1, "10.64.1.0/24")]), Ok(()));
        assert!(matches!(verdict([peer("own", 3, "10.64.1.0/24")]), Err(Refusal::Self_ { .. })));
        assert!(matches!(verdict([peer("own", 1, "10.64.3.0/24")]), Err(Refusal::Self_ { .. })));
        assert!(matches!(verdict([peer("x", 2, "10.64.1.0/25")]), Err(Refusal::Claim(..))));
        assert!(matches!(verdict([peer("x", 9, "10.64.2.0/24")]), Err(Refusal::Key(_, "hub"))));
        assert!(matches!(verdict([peer("x", 1, "10.64.2.0/24")]), Err(Refusal::Key(_, "mesh"))));
        let twin = [other(), peer("own", 1, "10.64.1.0/24"), peer("y", 3, "10.64.1.9/32")];
        assert!(matches!(verdict(twin), Err(Refusal::Conflict(_))));
    }
}
