//! Refusals, and the one place where they become Connect codes.

use connectrpc::ConnectError;
use wgcni_ipam::AllocateError;
use wgcni_model::{FieldError, NodeName};
use wgcni_store::CommitError;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field of the request is not usable.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The address space is used up.
    #[error("lease for node {node}: {source}")]
    Exhausted {
        /// Who asked.
        node: NodeName,
        /// With the numbers.
        source: AllocateError,
    },
    /// Only nodes with a lease can be in the mesh.
    #[error("node {0} has no lease: call Allocate first")]
    NoLease(NodeName),
    /// A key can have one owner.
    #[error("{field}: is the key of another node")]
    KeyInUse {
        /// Which key of the request.
        field: &'static str,
    },
    /// Others changed the same records again and again.
    #[error("node {0}: others change the same records, try again")]
    Contended(NodeName),
    /// The store failed; the cluster-manager is about to end.
    #[error("{0}")]
    Store(CommitError),
}

impl From<Refusal> for ConnectError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Field(error) => wgcni_api::invalid(&error),
            Refusal::Exhausted { .. } => Self::resource_exhausted(message),
            Refusal::NoLease(_) => Self::failed_precondition(message),
            Refusal::KeyInUse { .. } => Self::already_exists(message),
            Refusal::Contended(_) => Self::aborted(message),
            // It is not known whether the change is durable: asking again, once the
            // cluster-manager is back, tells.
            Refusal::Store(_) => Self::unavailable(message),
        }
    }
}
