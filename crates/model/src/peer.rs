//! The cluster as its members see it: leases, peers, and how the list of peers changes.

use crate::invalid::Invalid;
use crate::key::PublicKey;
use crate::name::{ClusterId, NodeName};
use crate::prefix::{Prefix, Prefixes};
use crate::text::serde_as_text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// What every node of a cluster agrees on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The cluster's identity.
    pub id: ClusterId,
    /// The whole address space.
    pub prefixes: Prefixes,
}

/// What a node owns of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The owner.
    pub node: NodeName,
    /// What it owns.
    pub prefixes: Prefixes,
}

/// A point in the history of a store; 0 is before everything.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which history revisions belong to: a store that was replaced starts another.
/// Empty, or 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct History(Option<ClusterId>);

impl History {
    /// Makes a history's id of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Some(ClusterId::from_random(bytes)))
    }
}

impl FromStr for History {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let id = text.parse();
        id.map(|id| Self(Some(id)))
            .map_err(|_| Invalid::new("history", text, "must be 32 lower-case hexadecimal digits"))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |id| id.fmt(f))
    }
}

serde_as_text!(History);

/// Where a peer's WireGuard port is reached: a unicast address that is neither loopback
/// nor link-local, and a port that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(SocketAddr);

impl Endpoint {
    /// Accepts an endpoint.
    ///
    /// # Errors
    /// An address that no other machine can send to, or port 0.
    pub fn new(address: SocketAddr) -> Result<Self, Invalid> {
        let invalid = |why| Invalid::new("endpoint", address.to_string(), why);
        if address.port() == 0 {
            return Err(invalid("port must not be 0"));
        }
        // A host prefix is accepted exactly when the address is unicast between machines.
        Prefix::host(address.ip()).map_err(|_| invalid("address is not reachable unicast"))?;
        Ok(Self(address))
    }

    /// The socket address.
    pub fn socket(&self) -> SocketAddr {
        self.0
    }

    /// The address without the port.
    pub fn ip(&self) -> IpAddr {
        self.0.ip()
    }
}

impl FromStr for Endpoint {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let address = text.parse();
        let address = address.map_err(|_| Invalid::new("endpoint", text, "is not address:port"))?;
        Self::new(address)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

serde_as_text!(Endpoint);

/// A peer's endpoints, best first; at most 8, no two the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Endpoint>", into = "Vec<Endpoint>")]
pub struct Endpoints(Vec<Endpoint>);

impl Endpoints {
    /// Most endpoints that a peer may have.
    pub const MAX: usize = 8;

    /// The endpoints, best first.
    pub fn as_slice(&self) -> &[Endpoint] {
        &self.0
    }
}

impl TryFrom<Vec<Endpoint>> for Endpoints {
    type Error = Invalid;

    fn try_from(list: Vec<Endpoint>) -> Result<Self, Invalid> {
        if list.len() > Self::MAX {
            let why = format!("has {} items, at most {} are allowed", list.len(), Self::MAX);
            return Err(Invalid::new("endpoint list", "", why));
        }
        let mut seen = BTreeSet::new();
        match list.iter().find(|e| !seen.insert(**e)) {
            Some(twice) => Err(Invalid::new("endpoint", twice.to_string(), "is there twice")),
            None => Ok(Self(list)),
        }
    }
}

impl From<Endpoints> for Vec<Endpoint> {
    fn from(endpoints: Endpoints) -> Self {
        endpoints.0
    }
}

/// A member of the mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub node: NodeName,
    /// Its mesh key.
    pub mesh_key: PublicKey,
    /// Where its mesh port is reached.
    pub endpoints: Endpoints,
    /// What may come from it and goes to it: its lease.
    pub allowed_ips: Prefixes,
}

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

/// What changed up to a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// The revision after the change.
    pub revision: Revision,
    /// New and changed peers.
    pub upserted: Vec<Peer>,
    /// Nodes that left.
    pub removed: Vec<NodeName>,
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

    /// Follows the history by one step.
    pub fn apply(&mut self, delta: Delta) {
        for node in &delta.removed {
            self.peers.remove(node);
        }
        for peer in delta.upserted {
            self.peers.insert(peer.node.clone(), peer);
        }
        self.revision = delta.revision;
    }

    /// Proves that the peers can live in one mesh: no key twice, no address claimed
    /// twice, nothing claimed outside the cluster. Nodes check again what the
    /// cluster-manager sends, because WireGuard would let the second claim win silently.
    ///
    /// # Errors
    /// The first conflict.
    pub fn check(&self, cluster: &Prefixes) -> Result<(), Conflict> {
        let mut keys = BTreeMap::new();
        let mut claims: BTreeMap<Prefix, &NodeName> = BTreeMap::new();
        for peer in self.peers.values() {
            if let Some(other) = keys.insert(peer.mesh_key, &peer.node) {
                return Err(Conflict::Key(other.clone(), peer.node.clone(), peer.mesh_key));
            }
            for prefix in peer.allowed_ips.iter() {
                if !cluster.iter().any(|c| c.covers(&prefix)) {
                    return Err(Conflict::Foreign(peer.node.clone(), prefix));
                }
                if let Some(other) = claimed(&claims, &prefix) {
                    return Err(Conflict::Prefix(other.clone(), peer.node.clone(), prefix));
                }
                claims.insert(prefix, &peer.node);
            }
        }
        Ok(())
    }
}

/// Who claims a part of `prefix` already. Claims do not overlap, so only the neighbours
/// in address order can.
fn claimed<'a>(claims: &BTreeMap<Prefix, &'a NodeName>, prefix: &Prefix) -> Option<&'a NodeName> {
    let before = claims.range(..=*prefix).next_back();
    let after = claims.range(*prefix..).next();
    before.into_iter().chain(after).find(|(p, _)| p.overlaps(prefix)).map(|(_, node)| *node)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::PrivateKey;
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
    fn endpoints_are_reachable_unicast() {
        for good in ["192.0.2.1:51820", "[2001:db8::1]:1"] {
            assert_eq!(good.parse::<Endpoint>().unwrap().to_string(), good);
        }
        for bad in "127.0.0.1:1 [::1]:1 0.0.0.0:1 [::]:1 169.254.0.1:1 [fe80::1]:1 224.0.0.1:1 \
             255.255.255.255:1 [::ffff:10.0.0.1]:1 192.0.2.1:0 192.0.2.1 host:1"
            .split_whitespace()
        {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
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
