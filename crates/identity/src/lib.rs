//! Who is who in a cluster, and how they prove it.
//!
//! Owns: join strings and their secrets, the proofs of joining, certificates and what they
//! say. Pure: time, random bytes and files are the callers'; only key pairs and nonces of
//! sealed challenges take their randomness from the cryptographic library.
//! Never imports: a runtime, files, a store, the wire.
//!
//! ```text
//! JoinString -> the joiner pins the CA, knows its secret
//!            BeginJoin  -> Challenge (sealed: the server keeps nothing)
//!            FinishJoin -> Transcript <- everything that both sides saw
//!                          proof of the secret, of the mesh key, of the control key
//!            <- a certificate: one name, one use, one day
//! ```

mod audit;
mod authority;
mod certificate;
mod challenge;
mod control_key;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod join;
mod proof;
mod request;
mod secret;
mod security_key;
mod spiffe;
mod transcript;

pub use audit::{AuditLine, Broken, Chain, LineHash};
pub use authority::{Authority, Issued, Lifetime};
pub use certificate::{Certificate, Pin};
pub use challenge::{Challenge, Opened, Sealer};
pub use control_key::ControlKey;
pub use id::{IdentityId, Role, TicketId};
pub use join::{JoinCredential, JoinString};
pub use proof::{CredentialProof, MeshProof, Verifier};
pub use request::CertificateRequest;
pub use secret::Secret;
pub use security_key::{DAY, Master, OVERLAP, SecurityKeyPeriod};
pub use spiffe::{Spiffe, Subject};
pub use transcript::{CredentialKind, Exporter, Transcript};

/// Something is not what it should be, or the cryptographic library refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Foreign bytes are not what they should be.
    #[error("{0}")]
    Invalid(#[from] wgcni_model::Invalid),
    /// A certificate, request or key cannot be used.
    #[error("{what}: {why}")]
    Bad {
        /// What.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// A proof does not hold.
    #[error("the proof of {0} does not hold")]
    Proof(&'static str),
    /// A challenge is another server's, another connection's, or changed.
    #[error("the challenge was not made here and for this connection")]
    Challenge,
    /// A challenge is too old.
    #[error("the challenge is too old")]
    Expired,
}

impl Error {
    pub(crate) fn bad(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Bad { what, why: why.to_string() }
    }
}
