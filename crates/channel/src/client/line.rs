//! One connection as HTTP/2 sees it: it can be ended from here, and says why it was lost.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use connectrpc::client::{Http2Connection, Http2ConnectionBuilder};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Unreachable, Why};

/// Requests that may wait for one connection.
pub(crate) const IN_FLIGHT: usize = 1024;

const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// HTTP/2 as both kinds of connections have it.
pub(crate) fn http2(establishment: Duration) -> Http2ConnectionBuilder {
    Http2Connection::builder()
        .establishment_timeout(establishment)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
}

/// Why a connection failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Cause {
    /// It did not come up.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It was lost.
    #[error("reach the cluster-manager: {0}")]
    Line(Why),
}

impl Cause {
    /// Whether the server refuses the member's certificate.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Unreachable(all) => all.tried.iter().any(|attempt| attempt.why.is_refusal()),
            Self::Line(why) => why.is_refusal(),
        }
    }
}

/// Why the last connection failed; nothing while one works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<Cause>>>);

impl Trouble {
    pub(crate) fn set(&self, cause: Option<Cause>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    pub(crate) fn get(&self) -> Option<Cause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A TLS connection that ends when it is told to. Who refuses a client's certificate says so
/// only after the handshake (RFC 8446, section 4.4.2.4), when HTTP/2 is at work already and
/// would hide it.
pub(crate) struct Line {
    stream: TlsStream<TcpStream>,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
    trouble: Trouble,
    heard: bool,
}

impl Line {
    pub(crate) fn new(stream: TlsStream<TcpStream>, end: CancellationToken, t: Trouble) -> Self {
        Self { stream, end: Box::pin(end.cancelled_owned()), trouble: t, heard: false }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Err(error)) => self.trouble.set(Some(Cause::Line(Why::of(error)))),
            Poll::Ready(Ok(())) if !self.heard => {
                self.heard = true;
                self.trouble.set(None);
            }
            _ => {}
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
