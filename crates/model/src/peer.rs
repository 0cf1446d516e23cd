//! The cluster as its members see it: leases and peers.

use crate::invalid::Invalid;
use crate::key::PublicKey;
use crate::name::{ClusterId, NodeName};
use crate::prefix::{Prefix, Prefixes};
use crate::text::serde_as_text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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

/// Which history revisions belong to: every start of a cluster-manager begins another,
/// which continues those that its store knows.
/// Empty, or 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
}
