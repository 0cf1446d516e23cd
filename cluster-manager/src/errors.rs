//! Refusals, and the one place where they become Connect codes.

use std::time::Duration;

use connectrpc::ConnectError;
use wgcni_identity::{Role, TicketId};
use wgcni_ipam::AllocateError;
use wgcni_model::{FieldError, NodeName, PublicKey};
use wgcni_store::CommitError;

use crate::members::Refused;

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
    /// A name has one machine.
    #[error(
        "node {node} is alive with another key ({key}, seen {} s ago); stop that machine: \
         this one takes its place {} s from now at the earliest, or at once after \
         DeregisterPeer", .since.as_secs(), .wait.as_secs() + 1
    )]
    NameInUse {
        /// The name.
        node: NodeName,
        /// The key that has it.
        key: PublicKey,
        /// How long ago its last sign of life was.
        since: Duration,
        /// How long it keeps the name without another one.
        wait: Duration,
    },
    /// A node that was taken out does not come back at once.
    #[error(
        "node {node} was taken out of the mesh {} s ago and may come back with the same \
         key in {} s", .since.as_secs(), .wait.as_secs() + 1
    )]
    TakenOut {
        /// Which.
        node: NodeName,
        /// How long ago.
        since: Duration,
        /// How long it stays out.
        wait: Duration,
    },
    /// A key of the revoked.
    #[error("{field}: was revoked; make new keys")]
    Burnt {
        /// Which key of the request.
        field: &'static str,
    },
    /// A joiner is not let in. It does not learn why.
    #[error("refused; the reason is in the cluster's audit log")]
    NotAdmitted(#[from] Refused),
    /// Whoever asks is no member any more.
    #[error("not a member of this cluster")]
    NotAMember,
    /// A counter that was used before.
    #[error(
        "this renewal was given before: another machine has a copy of these credentials. An          operator must remove this member, and it must join again"
    )]
    Copied,
    /// A member that is none.
    #[error("there is no {0} {1}")]
    NoSuchMember(Role, NodeName),
    /// A ticket or token that is none.
    #[error("there is no ticket or token {0}")]
    NoSuchTicket(TicketId),
    /// What cannot be on the whitelist.
    #[error("whitelist node {node}: {why}")]
    Listed {
        /// Under which name.
        node: NodeName,
        /// Why not.
        why: String,
    },
    /// No more of something are kept.
    #[error("{0}")]
    Full(String),
    /// A member joins and renews again and again.
    #[error("too many joins and renewals of this member: there is room for another within {} s", .0.as_secs())]
    TooOften(Duration),
    /// Others changed the same records again and again.
    #[error("others change the same records, try again")]
    Busy,
    /// The cryptographic library refused.
    #[error("{0}")]
    Library(String),
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
            Refusal::Exhausted { .. } | Refusal::Full(_) | Refusal::TooOften(_) => {
                Self::resource_exhausted(message)
            }
            Refusal::NoLease(_) => Self::failed_precondition(message),
            Refusal::KeyInUse { .. } | Refusal::NameInUse { .. } | Refusal::Listed { .. } => {
                Self::already_exists(message)
            }
            Refusal::Contended(_) | Refusal::Busy => Self::aborted(message),
            Refusal::Burnt { .. } | Refusal::NotAdmitted(_) | Refusal::Copied => {
                Self::permission_denied(message)
            }
            Refusal::NotAMember => Self::unauthenticated(message),
            Refusal::NoSuchMember(..) | Refusal::NoSuchTicket(_) => Self::not_found(message),
            Refusal::Library(_) => Self::internal(message),
            // Asking again later tells, also where it is not known whether the change is
            // durable.
            Refusal::TakenOut { .. } | Refusal::Store(_) => Self::unavailable(message),
        }
    }
}
