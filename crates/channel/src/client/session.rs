//! A member's way to its cluster-manager.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use connectrpc::client::SharedHttp2Connection;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio_util::sync::CancellationToken;
use wgcni_api::client::ClusterManager;
use wgcni_identity::ControlKey;

use super::dial::{EACH, dial};
use super::line::{IN_FLIGHT, Line, Trouble, http2};
use super::{Member, MemberFiles};
use crate::tls;

/// A member's connection and credentials. Clones share both.
#[derive(Clone)]
pub struct Session {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub way: Arc<Way>,
    pub files: Option<MemberFiles>,
    /// The key that was sent for certification last, where there are no files; held while
    /// one renews.
    pub pending: AsyncMutex<Option<Arc<ControlKey>>>,
    connection: OnceLock<SharedHttp2Connection>,
}

/// How connections are made.
pub(super) struct Way {
    pub member: watch::Sender<Arc<Member>>,
    /// Ends the connection that is up.
    line: Mutex<CancellationToken>,
    trouble: Trouble,
}

impl Session {
    /// The session of a member whose renewed credentials are stored in `files`.
    pub fn new(member: Member, files: Option<MemberFiles>) -> Self {
        let way = Arc::new(Way {
            member: watch::Sender::new(Arc::new(member)),
            line: Mutex::default(),
            trouble: Trouble::default(),
        });
        let (pending, connection) = (AsyncMutex::default(), OnceLock::new());
        Self { shared: Arc::new(Shared { way, files, pending, connection }) }
    }

    /// The connection: it comes up on first use and again when it was lost, each time with
    /// the newest credentials and to the first address that answers. To be called inside a
    /// runtime.
    pub fn connection(&self) -> SharedHttp2Connection {
        self.shared.connection.get_or_init(|| self.make_connection()).clone()
    }

    /// The cluster-manager over this connection; calls end after `timeout`.
    pub fn cluster_manager(&self, timeout: Duration) -> ClusterManager {
        ClusterManager::over(self.connection(), authority(), timeout)
    }

    /// The member, and news of its credentials.
    pub fn member(&self) -> watch::Receiver<Arc<Member>> {
        self.shared.way.member.subscribe()
    }

    /// Why there is no connection, in words for the operator; none while there is one, or
    /// before the first.
    pub fn trouble(&self) -> Option<String> {
        self.shared.way.trouble.get().map(|cause| cause.to_string())
    }

    /// Whether there is no connection because the cluster-manager refuses this member's
    /// certificate: it has expired, or was revoked.
    pub fn is_refused(&self) -> bool {
        self.shared.way.trouble.get().is_some_and(|cause| cause.is_refusal())
    }

    /// Goes on with other credentials, those of a member who renewed or joined again.
    /// Whoever has files stores them first.
    pub fn replace(&self, member: Member) {
        self.shared.way.member.send_replace(Arc::new(member));
        // What the former ones met says nothing of these.
        self.shared.way.trouble.set(None);
        self.reconnect();
    }

    /// Ends the connection: the next call makes another one, with the newest credentials.
    /// Calls that are under way fail as when a connection is lost.
    pub fn reconnect(&self) {
        let mut line = self.shared.way.line.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *line).cancel();
    }

    fn make_connection(&self) -> SharedHttp2Connection {
        // Not all of what is shared: that keeps the connection, which keeps this.
        let way = Arc::clone(&self.shared.way);
        let connector = tower::service_fn(move |_: Uri| {
            let way = Arc::clone(&way);
            async move { way.connect().await }
        });
        // All of its addresses may be slow.
        http2(EACH * 9).lazy_with_connector(connector, authority()).shared(IN_FLIGHT)
    }
}

impl Way {
    async fn connect(&self) -> io::Result<TokioIo<Line>> {
        let end = self.line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let member = Arc::clone(&self.member.borrow());
        let tls = credentials(&member).map_err(io::Error::other)?;
        match dial(&member.addresses, &Arc::new(tls)).await {
            Ok(stream) => Ok(TokioIo::new(Line::new(stream, end, self.trouble.clone()))),
            Err(unreachable) => {
                self.trouble.set(Some(unreachable.clone().into()));
                Err(io::Error::other(unreachable))
            }
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("member", &self.shared.way.member.borrow()).finish()
    }
}

/// Where requests go: to whomever the connection leads to.
pub(super) fn authority() -> Uri {
    Uri::from_static("https://cluster-manager")
}

fn credentials(member: &Member) -> Result<rustls::ClientConfig, rustls::Error> {
    let chain = vec![CertificateDer::from(member.certificate.clone())];
    let key = PrivatePkcs8KeyDer::from(member.key.to_der().to_vec());
    tls::client_config(&member.trust(), Some((chain, PrivateKeyDer::Pkcs8(key))))
}
