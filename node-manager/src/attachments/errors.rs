//! What can go wrong with an attachment.

use std::net::IpAddr;
use std::sync::Arc;

use wgcni_ipam::AllocateError;
use wgcni_model::{Addresses, AttachmentKey, Invalid, PublicKey};
use wgcni_store::CommitError;

use super::record::Unreadable;
use crate::reconcile::ApplyError;

/// Why a container was not attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The node has nothing to give yet.
    #[error("the node has no lease yet")]
    NoLease,
    /// The host is not in order yet.
    #[error("the host is not ready: {0}")]
    NotReady(Arc<str>),
    /// It is attached, in the same namespace.
    #[error("attachment {0} exists already, with {1}")]
    Exists(AttachmentKey, Addresses),
    /// Its DEL was faster.
    #[error("attachment {0} was detached after this attempt began")]
    Late(AttachmentKey),
    /// Its key belongs to another.
    #[error("public_key: belongs to attachment {0} already")]
    KeyTaken(AttachmentKey),
    /// A wanted address is none.
    #[error("requested_addresses")]
    Requested(#[source] Invalid),
    /// No address could be given.
    #[error(transparent)]
    Address(AllocateError),
    /// It is not durable.
    #[error("store attachment {0}")]
    Store(AttachmentKey, #[source] CommitError),
    /// The kernel does not hold it.
    #[error("make attachment {0} a peer of the hub")]
    Apply(AttachmentKey, #[source] ApplyError),
}

/// Why a container was not taken away.
#[derive(Debug, thiserror::Error)]
#[error("take attachment {0} out of the store")]
pub struct DetachError(pub(super) AttachmentKey, #[source] pub(super) CommitError);

/// What an attachment lacks.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Everything.
    #[error("no attachment {0}")]
    Missing(AttachmentKey),
    /// The kernel has no such peer.
    #[error("attachment {0}: the hub lacks its peer {1}")]
    Peer(AttachmentKey, PublicKey),
    /// The peer may use other addresses.
    #[error("attachment {key}: the hub's peer {peer} lacks {lacks}")]
    Address {
        /// Which.
        key: AttachmentKey,
        /// Its peer.
        peer: PublicKey,
        /// What it may not use and should.
        lacks: IpAddr,
    },
    /// The kernel does not tell.
    #[error("look for attachment {0} in the hub")]
    Unknown(AttachmentKey, #[source] ApplyError),
}

/// The store of attachments was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A record cannot be used.
    #[error(transparent)]
    Record(#[from] Unreadable),
    /// It takes no changes.
    #[error("end the attachments of another boot")]
    Commit(#[from] CommitError),
}
