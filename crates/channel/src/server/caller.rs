//! Who a request comes from.

use std::net::{Ipv6Addr, SocketAddr};

use axum::Extension;
use wgcni_identity::{Exporter, IdentityId, Pin, Role};

/// Who a request comes from. It is in the extensions of every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Where from; unspecified (`[::]:0`) where that is not known.
    pub source: SocketAddr,
    /// What binds a proof to the connection; none without TLS.
    pub exporter: Option<Exporter>,
    /// Who.
    pub who: Who,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Somebody without a certificate, on the join listener.
    Anonymous,
    /// A member, whose certificate holds and whom the gate admits.
    Member {
        /// What it may be.
        role: Role,
        /// Which one it is.
        id: IdentityId,
        /// Its control key.
        key: Pin,
    },
    /// Root on the cluster-manager's own machine.
    Root,
    /// Somebody over interim plaintext, where nobody is known.
    Plaintext,
}

impl Caller {
    /// Root on the unix socket. Whoever serves that has looked at the peer's credentials.
    pub fn root() -> Self {
        Self::unplaced(Who::Root)
    }

    /// Somebody over interim plaintext.
    pub fn plaintext() -> Self {
        Self::unplaced(Who::Plaintext)
    }

    /// A layer for a router that is served without this crate's server: every request gets
    /// this caller.
    pub fn layer(self) -> Extension<Self> {
        Extension(self)
    }

    fn unplaced(who: Who) -> Self {
        Self { source: (Ipv6Addr::UNSPECIFIED, 0).into(), exporter: None, who }
    }
}
