//! Serving HTTP until shutdown: HTTP/1.1 and cleartext HTTP/2 on one listener,
//! with bounds on what a client can hold.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// What clients may hold, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time; further ones wait in the listener's backlog.
    pub connections: usize,
    /// Streams of one HTTP/2 connection at a time.
    pub streams: u32,
    /// From accept to the first byte, and for the headers of an HTTP/1 request.
    pub headers: Duration,
    /// How long requests under way may go on after shutdown.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            streams: 256,
            headers: Duration::from_secs(5),
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves `router` on `listener` until `shutdown`, then takes no new connection,
/// lets requests under way end within the grace, and drops the rest.
///
/// Handlers of endless streams must watch `shutdown` themselves.
pub async fn until_shutdown<L: Listener>(
    mut listener: L,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let builder = http_builder(TokioExecutor::new(), limits.streams, limits.headers);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    loop {
        // Dropping `accept` is safe: a connection is either returned or still queued.
        let (io, slot) = tokio::select! {
            next = accept(&mut listener, &slots) => next,
            () = shutdown.cancelled() => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder
            .serve_connection(TokioIo::new(Prompt::new(io, limits.headers)), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    // Dropping `graceful.shutdown()` after the grace leaves the connections to the
    // end of the runtime.
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(limits.grace) => tracing::warn!(grace = ?limits.grace, "dropping connections that are still busy"),
    }
}

async fn accept<L: Listener>(
    listener: &mut L,
    slots: &Arc<Semaphore>,
) -> (L::Io, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed; without a slot this would only mean no cap.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    let (io, _) = listener.accept().await;
    (io, slot)
}

/// Speaks HTTP/1.1 and HTTP/2 with so many streams at a time in one connection of HTTP/2, and
/// with so long for the headers of a request of HTTP/1.
pub fn http_builder<E>(executor: E, streams: u32, headers: Duration) -> Builder<E> {
    let mut builder = Builder::new(executor);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_header_list_size(16 * 1024)
        // A peer that vanished without a FIN must not hold its slot for ever.
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// A connection whose first byte must arrive in time: until then nothing else
/// bounds it.
struct Prompt<Io> {
    io: Io,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<Io> Prompt<Io> {
    fn new(io: Io, within: Duration) -> Self {
        Self { io, deadline: Some(Box::pin(sleep(within))) }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Prompt<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_ready() {
            self.deadline = None;
            return read;
        }
        let deadline = self.deadline.as_mut();
        if deadline.is_some_and(|deadline| deadline.as_mut().poll(context).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Prompt<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    async fn ask(mut io: impl AsyncRead + AsyncWrite + Unpin) -> String {
        io.write_all(REQUEST).await.unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn serves_tcp_and_unix_and_ends_on_shutdown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let router = Router::new().route("/", get(async || "hello"));
        let shutdown = CancellationToken::new();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let unix = UnixListener::bind(&path).unwrap();
        let one = until_shutdown(tcp, router.clone(), Limits::default(), shutdown.clone());
        let two = until_shutdown(unix, router, Limits::default(), shutdown.clone());
        let both = tokio::spawn(async move { tokio::join!(one, two) });
        let answer = ask(TcpStream::connect(address).await.unwrap()).await;
        assert!(answer.ends_with("hello"), "{answer}");
        let answer = ask(UnixStream::connect(&path).await.unwrap()).await;
        assert!(answer.ends_with("hello"), "{answer}");
        shutdown.cancel();
        both.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn request_under_way_is_finished_after_shutdown() {
        let shutdown = CancellationToken::new();
        let trigger = shutdown.clone();
        let router = Router::new().route(
            "/",
            get(async move || {
                trigger.cancel();
                sleep(Duration::from_millis(50)).await;
                "late"
            }),
        );
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let server = tokio::spawn(until_shutdown(tcp, router, Limits::default(), shutdown));
        let answer = ask(TcpStream::connect(address).await.unwrap()).await;
        assert!(answer.ends_with("late"), "{answer}");
        server.await.unwrap();
    }

    #[tokio::test]
    async fn silent_connections_lose_their_slot() {
        let limits =
            Limits { connections: 1, headers: Duration::from_millis(50), ..Limits::default() };
        let router = Router::new().route("/", get(async || "hello"));
        let shutdown = CancellationToken::new();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let server = tokio::spawn(until_shutdown(tcp, router, limits, shutdown.clone()));
        let silent = TcpStream::connect(address).await.unwrap();
        let answer = ask(TcpStream::connect(address).await.unwrap()).await;
        assert!(answer.ends_with("hello"), "{answer}");
        drop(silent);
        shutdown.cancel();
        server.await.unwrap();
    }
}
