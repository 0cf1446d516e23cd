//! Which Connect code an error is: the one place where that is decided.

use connectrpc::{ConnectError, ErrorCode};
use wgcni_ipam::AllocateError;

use crate::attachments::{AttachError, CheckError, DetachError};
use crate::reclaim::ReclaimError;

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What goes wrong in an RPC.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// Attach.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Detach.
    #[error(transparent)]
    Detach(#[from] DetachError),
    /// Reclaim, Prune.
    #[error(transparent)]
    Reclaim(#[from] ReclaimError),
    /// Check.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A field of the request.
    #[error(transparent)]
    Field(#[from] wgcni_model::FieldError),
    /// The program ends, or a task of it broke.
    #[error("the request was interrupted")]
    Interrupted,
}

impl RpcError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Attach(error) => match error {
                // A store that failed: the program ends, and the next one may do better.
                AttachError::NoLease
                | AttachError::NotReady(_)
                | AttachError::Apply(..)
                | AttachError::Store(..) => ErrorCode::Unavailable,
                AttachError::Exists(..) => ErrorCode::AlreadyExists,
                AttachError::Late(_) => ErrorCode::Aborted,
                AttachError::KeyTaken(_) | AttachError::Requested(_) => ErrorCode::InvalidArgument,
                AttachError::Address(AllocateError::Exhausted { .. }) => {
                    ErrorCode::ResourceExhausted
                }
                AttachError::Address(AllocateError::NotFree { .. }) => {
                    ErrorCode::FailedPrecondition
                }
            },
            Self::Reclaim(ReclaimError::Look(_)) => ErrorCode::FailedPrecondition,
            Self::Check(error) => match error {
                CheckError::Missing(_) => ErrorCode::NotFound,
                CheckError::Peer(..) | CheckError::Address { .. } => ErrorCode::FailedPrecondition,
                CheckError::Unknown(..) => ErrorCode::Unavailable,
            },
            Self::Field(_) => ErrorCode::InvalidArgument,
            Self::Detach(_) | Self::Reclaim(_) | Self::Interrupted => ErrorCode::Unavailable,
        }
    }

    /// The error as it goes over the wire.
    pub fn to_connect(&self) -> ConnectError {
        ConnectError::new(self.code(), chain(self))
    }
}
