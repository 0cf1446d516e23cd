//! The node-manager, asked over its unix socket. Every call ends in bounded time.

use crate::error::Error;
use connectrpc::{ConnectError, ErrorCode};
use std::error::Error as _;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use wgcni_api::node::{Attach, Attached, Checked, Detach, Prune, Pruned};
use wgcni_api::{client, node_v1 as wire};
use wgcni_model::{AttachmentKey, FieldError};

/// How long a node-manager may take to come back before an answer is given without it:
/// longer than an upgrade takes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longest time for all calls of a verb: an ADD has to fail within 5 s of a node-manager
/// that is down or hangs.
const ALL: Duration = Duration::from_millis(4500);

/// What a call gets even when the others took all the time.
const LEAST: Duration = Duration::from_millis(500);

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// A node-manager.
pub struct Node {
    runtime: Runtime,
    client: client::Node,
    /// When [`PATIENCE`] started to run.
    start: Instant,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody listens: the request never arrived.
    #[error("nobody listens on its socket")]
    Down(#[source] ConnectError),
    /// No answer, or the answer that there is none now; the request may have been served.
    #[error("it gave no answer")]
    Silent(#[source] ConnectError),
    /// An answer, and it is no.
    #[error("{}", .0.message.as_deref().unwrap_or(.0.code.as_str()))]
    No(ConnectError),
    /// An answer that cannot be.
    #[error("its answer is wrong")]
    Nonsense(#[source] FieldError),
}

impl Failure {
    /// Whether the node-manager is down, hangs, or is just restarting.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Down(_) | Self::Silent(_))
    }

    /// The code of a refusal.
    pub fn refusal(&self) -> Option<ErrorCode> {
        if let Self::No(error) = self { Some(error.code) } else { None }
    }

    /// The error of a verb that could not do without the call.
    pub fn into_error(self, verb: &'static str) -> Error {
        let again = self.is_absence() || self.refusal() == Some(ErrorCode::ResourceExhausted);
        let cause = self.into();
        if again { Error::TryAgain { verb, cause } } else { Error::Refused { verb, cause } }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        if never_arrived(&error) {
            return Self::Down(error);
        }
        match error.code {
            ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::Canceled => {
                Self::Silent(error)
            }
            _ => Self::No(error),
        }
    }
}

/// Whether the connection itself was refused by the system.
fn never_arrived(error: &ConnectError) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    causes.any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(io, Some(ConnectionRefused | NotFound | PermissionDenied))
    })
}

impl Node {
    /// A client of the node-manager that listens on `socket`; nothing is sent yet.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new(socket: &Path) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Error::Io("start a runtime".to_owned(), e))?;
        let client = {
            let _context = runtime.enter();
            client::node(socket, ALL)
        };
        Ok(Self { runtime, client, start: Instant::now() })
    }

    /// Attaches a container; waits for a node-manager that is just restarting.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    pub fn attach(&self, attach: &Attach) -> Result<Attached, Failure> {
        let answer = self.patiently(async || {
            self.client
                .attach(attach.into())
                .await
                .map(connectrpc::client::UnaryResponse::into_owned)
        })?;
        Attached::try_from(answer).map_err(Failure::Nonsense)
    }

    /// Detaches a container. Does not wait for anybody who is not there.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    pub fn detach(&self, detach: &Detach, within: Duration) -> Result<(), Failure> {
        let request = wire::DetachRequest::from(detach);
        self.bounded(within, async || self.client.detach(request.clone()).await.map(drop))
    }

    /// What the node holds for a container.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    pub fn check(&self, key: &AttachmentKey) -> Result<Checked, Failure> {
        let request =
            wire::CheckRequest { key: wire::AttachmentKey::from(key).into(), ..Default::default() };
        let answer = self.patiently(async || {
            let answer = self.client.check(request.clone()).await;
            answer.map(connectrpc::client::UnaryResponse::into_owned)
        })?;
        Checked::try_from(answer).map_err(Failure::Nonsense)
    }

    /// Takes away what is not in use; says what that was.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    pub fn prune(&self, prune: &Prune) -> Result<Vec<Pruned>, Failure> {
        let answer = self.patiently(async || {
            let answer = self.client.prune(prune.into()).await;
            answer.map(connectrpc::client::UnaryResponse::into_owned)
        })?;
        let removed = answer.removed.into_iter().map(Pruned::try_from);
        removed.collect::<Result<_, _>>().map_err(Failure::Nonsense)
    }

    /// How the node is, now.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    pub fn status(&self) -> Result<wire::StatusResponse, Failure> {
        self.bounded(self.left(), async || {
            let answer = self.client.status(wire::StatusRequest::default()).await;
            answer.map(connectrpc::client::UnaryResponse::into_owned)
        })
    }

    /// Calls until there is an answer or patience ends.
    fn patiently<T>(&self, call: impl AsyncFn() -> Result<T, ConnectError>) -> Result<T, Failure> {
        self.bounded(self.left(), async || {
            loop {
                let answer = call().await;
                let absent = matches!(&answer, Err(e) if e.code == ErrorCode::Unavailable);
                if !absent || self.start.elapsed() > PATIENCE {
                    return answer;
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
    }

    /// Time that is left for a call.
    fn left(&self) -> Duration {
        ALL.saturating_sub(self.start.elapsed()).max(LEAST)
    }

    fn bounded<T>(
        &self,
        within: Duration,
        call: impl AsyncFn() -> Result<T, ConnectError>,
    ) -> Result<T, Failure> {
        let late = |_| {
            let text = format!("no answer within {} ms", within.as_millis());
            Err(ConnectError::new(ErrorCode::DeadlineExceeded, text))
        };
        let call = async { tokio::time::timeout(within, call()).await };
        self.runtime.block_on(call).unwrap_or_else(late).map_err(Failure::from)
    }
}
