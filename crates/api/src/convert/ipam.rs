//! `wgcni.ipam.v1`.

use super::{parse, parse_dual, texts};
use crate::ipam_v1 as wire;
use wgcni_model::{Cluster, FieldError, Lease, NodeName, Prefixes};

impl TryFrom<wire::Lease> for Lease {
    type Error = FieldError;

    fn try_from(lease: wire::Lease) -> Result<Self, FieldError> {
        Ok(Self {
            node: parse("node", &lease.node)?,
            prefixes: parse_dual("prefixes", &lease.prefixes)?,
        })
    }
}

impl From<&Lease> for wire::Lease {
    fn from(lease: &Lease) -> Self {
        Self {
            node: lease.node.to_string(),
            prefixes: texts(lease.prefixes.iter()),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::Cluster> for Cluster {
    type Error = FieldError;

    fn try_from(cluster: wire::Cluster) -> Result<Self, FieldError> {
        Ok(Self {
            id: parse("cluster_id", &cluster.cluster_id)?,
            prefixes: parse_dual("prefixes", &cluster.prefixes)?,
        })
    }
}

impl From<&Cluster> for wire::Cluster {
    fn from(cluster: &Cluster) -> Self {
        Self {
            cluster_id: cluster.id.to_string(),
            prefixes: texts(cluster.prefixes.iter()),
            ..Self::default()
        }
    }
}

/// What Allocate is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who asks.
    pub node: NodeName,
    /// What it holds already.
    pub held: Option<Prefixes>,
}

impl TryFrom<wire::AllocateRequest> for Claim {
    type Error = FieldError;

    fn try_from(request: wire::AllocateRequest) -> Result<Self, FieldError> {
        let node = parse("node", &request.node)?;
        let held = (!request.held.is_empty()).then(|| parse_dual("held", &request.held));
        Ok(Self { node, held: held.transpose()? })
    }
}

impl From<&Claim> for wire::AllocateRequest {
    fn from(claim: &Claim) -> Self {
        Self {
            node: claim.node.to_string(),
            held: texts(claim.held.iter().flat_map(Prefixes::iter)),
            ..Self::default()
        }
    }
}

/// What Allocate answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocated {
    /// The node's lease.
    pub lease: Lease,
    /// The cluster that it is part of.
    pub cluster: Cluster,
}

impl TryFrom<wire::AllocateResponse> for Allocated {
    type Error = FieldError;

    fn try_from(mut response: wire::AllocateResponse) -> Result<Self, FieldError> {
        let lease: Lease = super::required("lease", response.lease.take())?;
        let cluster: Cluster = super::required("cluster", response.cluster.take())?;
        if !cluster.prefixes.cover(&lease.prefixes) {
            return Err(FieldError::new("lease.prefixes", "are not inside the cluster's prefixes"));
        }
        Ok(Self { lease, cluster })
    }
}
