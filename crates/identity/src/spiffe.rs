//! Who a certificate is for: `spiffe://<cluster-id>/<role>/<identity-id>`.

use std::fmt;
use std::str::FromStr;

use wgcni_model::{ClusterId, Invalid};

use crate::{IdentityId, Role};

/// Who a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spiffe {
    /// The cluster.
    pub cluster: ClusterId,
    /// Who in it.
    pub subject: Subject,
}

/// Who in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The cluster-manager.
    ClusterManager,
    /// A member.
    Member(Role, IdentityId),
}

impl fmt::Display for Spiffe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Subject::ClusterManager => write!(f, "spiffe://{}/cluster-manager", self.cluster),
            Subject::Member(role, id) => write!(f, "spiffe://{}/{role}/{id}", self.cluster),
        }
    }
}

impl FromStr for Spiffe {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = |why: &str| Invalid::new("SPIFFE id", text, why);
        let rest = text.strip_prefix("spiffe://").ok_or_else(|| bad("has another scheme"))?;
        let (cluster, path) = rest.split_once('/').ok_or_else(|| bad("has no path"))?;
        let cluster = cluster.parse()?;
        let subject = match path.split_once('/') {
            None if path == "cluster-manager" => Subject::ClusterManager,
            Some(("node", id)) => Subject::Member(Role::Node, id.parse()?),
            Some(("operator", id)) => Subject::Member(Role::Operator, id.parse()?),
            _ => return Err(bad("names nobody of a cluster")),
        };
        Ok(Self { cluster, subject })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_survive_text_and_others_are_refused() {
        let cluster = ClusterId::from_random([1; 16]);
        let id = IdentityId::from_random([2; 8]);
        for subject in [
            Subject::ClusterManager,
            Subject::Member(Role::Node, id),
            Subject::Member(Role::Operator, id),
        ] {
            let spiffe = Spiffe { cluster: cluster.clone(), subject };
            assert_eq!(spiffe.to_string().parse::<Spiffe>().unwrap(), spiffe);
        }
        let node = format!("spiffe://{cluster}/node/{id}");
        for bad in [
            &node.replace("spiffe", "https"),
            &node.replace("/node/", "/king/"),
            &format!("{node}/"),
            &format!("{node}?x"),
            &format!("spiffe://{cluster}/cluster-manager/{id}"),
            &format!("spiffe://{cluster}"),
            "spiffe:///node/0202020202020202",
        ] {
            assert!(bad.parse::<Spiffe>().is_err(), "{bad}");
        }
    }
}
