//! Types that cannot be wrong.
//!
//! Whatever enters a program (a request, a file, a flag, a stored byte) becomes one of
//! these at the door; inside, nobody checks again. All parsing is strict and total, and
//! every refusal says what was refused and why.
//!
//! Owns: names, keys, prefixes, leases, endpoints, peers, snapshots, attachments.
//! Never imports: a runtime, files, the environment, a clock, a store, the wire.

mod attachment;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod invalid;
mod key;
mod name;
mod peer;
mod prefix;
mod snapshot;
mod text;

pub use attachment::{AttachmentKey, NamespaceId, WireguardKind};
pub use invalid::{Field, FieldError, Invalid};
pub use key::{PrivateKey, PublicKey};
pub use name::{ClusterId, ContainerId, IfName, NetworkName, NodeName};
pub use peer::{Cluster, Endpoint, Endpoints, History, Lease, Peer, Revision};
pub use prefix::{Addresses, DualStack, Family, HasFamily, Prefix, Prefixes};
pub use snapshot::{Conflict, Delta, Gap, Snapshot};
