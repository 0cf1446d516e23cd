//! The cluster-manager's end of the channel.
//!
//! ```text
//! accept -> Places: caps and rates, nothing is spent on whoever is over them
//!   one task per connection: TLS -> the gate -> Live -> HTTP
//!     per request: the gate again, rates, body deadline, panics caught -> the router
//! ```

mod body;
mod caller;
mod caps;
mod connection;
mod key;
mod live;
mod places;
mod rates;
mod refused;
mod request;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wgcni_identity::{IdentityId, Pin, Role};

pub use caller::{Caller, Who};
pub use caps::{Caps, Rate};
pub use key::ServerKey;
pub use live::Live;
pub use refused::Refused;

use connection::Shared;
use places::Places;
use rates::Rates;

/// How long to wait when the system has no descriptor or memory for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Who is a member. Asked in the handshake, before the client has proven that it has the
/// key, so it must not change anything; and again for every request.
pub trait Gate: Send + Sync + 'static {
    /// Whether a member with this role, id and control key is let in now. Must not block.
    fn admits(&self, role: Role, id: IdentityId, key: Pin) -> bool;
}

/// Whom a listener lets in.
#[derive(Clone)]
pub enum Door {
    /// Members that the gate admits, with their certificates; HTTP/2 alone.
    Members(Arc<dyn Gate>),
    /// Anyone; nobody is asked for a certificate. HTTP/1.1, too.
    Anyone,
}

impl Door {
    fn admits(&self, who: Who) -> bool {
        match (self, who) {
            (Self::Members(gate), Who::Member { role, id, key }) => gate.admits(role, id, key),
            (Self::Anyone, Who::Anonymous) => true,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Anyone) { "Anyone" } else { "Members" })
    }
}

/// A listener cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server's certificate cannot be made.
    #[error("make the server's certificate")]
    Certificate(#[from] wgcni_identity::Error),
    /// TLS cannot be set up.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
}

/// Serves one TCP listener.
pub struct Server {
    acceptor: TlsAcceptor,
    key: ServerKey,
    door: Door,
    live: Live,
    caps: Caps,
    refused: Refused,
}

impl Server {
    /// A server with this key. Members' connections are listed in `live`.
    ///
    /// # Errors
    /// When the library refuses the CA's certificate.
    pub fn new(key: ServerKey, door: Door, live: Live, caps: Caps) -> Result<Self, ServerError> {
        let acceptor = TlsAcceptor::from(Arc::new(tls::config(&key, &door)?));
        Ok(Self { acceptor, key, door, live, caps, refused: Refused::default() })
    }

    /// Counts here whom it turns away.
    #[must_use]
    pub fn counting(self, refused: Refused) -> Self {
        Self { refused, ..self }
    }

    /// Serves `router` until `shutdown`, then takes no new connection, lets requests under
    /// way end within the grace, and cuts the rest. Every request has a [`Caller`] in its
    /// extensions.
    pub async fn serve(self, listener: TcpListener, router: Router, shutdown: CancellationToken) {
        let places = Places::new(self.caps);
        let shared = Arc::new(Shared {
            acceptor: self.acceptor,
            cluster: self.key.cluster().clone(),
            door: self.door,
            live: self.live,
            refused: self.refused,
            requests: Rates::new(self.caps.requests),
            caps: self.caps,
            router,
            shutdown: shutdown.clone(),
        });
        let tasks = TaskTracker::new();
        loop {
            // Dropping `accept` is safe: a connection is either returned or still queued.
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((tcp, source)) => {
                    let Some(place) = places.take(source.ip(), Instant::now()) else {
                        shared.refused.count_over_caps();
                        tracing::debug!(%source, "drop a connection: over its caps");
                        continue;
                    };
                    tasks.spawn(connection::serve(Arc::clone(&shared), tcp, source, place));
                }
                Err(error) => not_accepted(&error).await,
            }
        }
        drop(listener);
        tasks.close();
        tasks.wait().await;
    }
}

async fn not_accepted(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    // That connection's own trouble, not the listener's.
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "accept a connection");
        tokio::time::sleep(BREATH).await;
    }
}
