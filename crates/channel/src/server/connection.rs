//! One connection, from accept to its end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use wgcni_daemon::serve::http_builder;
use wgcni_identity::Exporter;
use wgcni_model::ClusterId;

use super::places::Place;
use super::rates::Rates;
use super::request::{Client, Guard};
use super::{Caller, Caps, Door, Live, Refused, Who, tls};

/// How long somebody who is no member any more may take to read that.
const FAREWELL: Duration = Duration::from_millis(500);

/// What one stream and one connection may send ahead of the handler, and a handler ahead of
/// its client, in bytes: 64 KiB is the largest message.
const WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// How much of what a refused client still sends is read, in bytes.
const MOST_UNREAD: u64 = 64 * 1024;

/// What all connections of a listener share.
pub(super) struct Shared {
    pub acceptor: TlsAcceptor,
    pub cluster: ClusterId,
    pub door: Door,
    pub live: Live,
    pub refused: Refused,
    pub caps: Caps,
    pub requests: Rates<Client>,
    pub router: Router,
    pub shutdown: CancellationToken,
}

/// Serves a connection to its end. It has its place until then.
pub(super) async fn serve(
    shared: Arc<Shared>,
    tcp: TcpStream,
    source: SocketAddr,
    mut place: Place,
) {
    // Dropping a handshake closes its connection.
    let shaken = tokio::select! {
        shaken = timeout(shared.caps.handshake, shake(&shared, tcp, source)) => shaken,
        () = shared.shutdown.cancelled() => return,
    };
    let (stream, caller) = match shaken {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(error)) => {
            shared.refused.count_handshake();
            return tracing::debug!(%source, %error, "refuse a TLS handshake");
        }
        Err(_) => {
            shared.refused.count_slow();
            return tracing::debug!(%source, "a TLS handshake took too long");
        }
    };
    place.shaken();
    let entry = match caller.who {
        Who::Member { role, id, key } => {
            Some(shared.live.enter((role, id), key, shared.caps.per_identity))
        }
        _ => None,
    };
    // Whoever was revoked between the handshake's question and being listed is out, too.
    if !shared.door.admits(caller.who) {
        return;
    }
    let never = CancellationToken::new();
    let cut = entry.as_ref().map_or(&never, |entry| entry.cut());
    speak(&shared, stream, caller, cut).await;
}

type Shaken = (TlsStream<TcpStream>, Caller);

async fn shake(shared: &Shared, tcp: TcpStream, source: SocketAddr) -> io::Result<Shaken> {
    tcp.set_nodelay(true)?;
    let stream = match shared.acceptor.accept(tcp).into_fallible().await {
        Ok(stream) => stream,
        Err((error, tcp)) => {
            hang_up(tcp).await;
            return Err(error);
        }
    };
    let caller = caller(shared, stream.get_ref().1, source).map_err(io::Error::other)?;
    Ok((stream, caller))
}

/// Ends a connection so that the client can read why. Were it closed at once, what the client
/// still sends would be answered by a reset, and it would learn of a broken pipe instead.
async fn hang_up(mut tcp: TcpStream) {
    let _ = tcp.shutdown().await;
    let _ = tokio::io::copy(&mut tcp.take(MOST_UNREAD), &mut tokio::io::sink()).await;
}

fn caller(
    shared: &Shared,
    connection: &ServerConnection,
    source: SocketAddr,
) -> Result<Caller, rustls::Error> {
    let exporter = connection.export_keying_material([0; 32], Exporter::LABEL, None)?;
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    let who = match leaf {
        Some(leaf) => {
            let (role, id, key) = tls::member(leaf, &shared.cluster)?;
            Who::Member { role, id, key }
        }
        None => Who::Anonymous,
    };
    Ok(Caller { source, exporter: Some(Exporter::from_bytes(exporter)), who })
}

/// Speaks HTTP until the end, which is at once when `cut` is cancelled.
async fn speak(
    shared: &Arc<Shared>,
    stream: TlsStream<TcpStream>,
    caller: Caller,
    cut: &CancellationToken,
) {
    let (asked, refused) = (CancellationToken::new(), CancellationToken::new());
    let guard = Guard::new(Arc::clone(shared), caller, asked.clone(), refused.clone());
    let service = tower::service_fn(move |request| {
        let guard = guard.clone();
        async move { Ok::<_, Infallible>(guard.answer(request).await) }
    });
    // When this function ends, whatever its handlers still do ends, too.
    let gone = CancellationToken::new();
    let _guard = gone.clone().drop_guard();
    let builder = builder(Until(gone), shared);
    let service = TowerToHyperService::new(service);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut grace = shared.caps.grace;
    // Dropping the other branches is safe: they only wait.
    tokio::select! {
        biased;
        () = cut.cancelled() => return,
        ended = connection.as_mut() => return log_end(ended),
        () = refused.cancelled() => grace = grace.min(FAREWELL),
        () = idle(&asked, shared.caps.headers) => return,
        () = shared.shutdown.cancelled() => {}
        () = sleep(age(shared.caps)) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        () = cut.cancelled() => {}
        ended = connection => log_end(ended),
        () = sleep(grace) => tracing::debug!("cut a connection that is still busy"),
    }
}

/// Ends when nothing was asked in time.
async fn idle(asked: &CancellationToken, within: Duration) {
    if timeout(within, asked.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

fn age(caps: Caps) -> Duration {
    caps.age.mul_f64(rand::random_range(0.9..=1.0))
}

fn log_end<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

fn builder(executor: Until, shared: &Shared) -> Builder<Until> {
    let caps = &shared.caps;
    let mut builder = http_builder(executor, caps.streams, caps.headers);
    builder.http1().max_buf_size(WINDOW as usize);
    builder
        .http2()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(WINDOW as usize)
        .keep_alive_interval(Some(caps.keep_alive))
        .keep_alive_timeout(caps.keep_alive);
    match shared.door {
        Door::Members(_) => builder.http2_only(),
        Door::Anyone => builder,
    }
}

/// Runs tasks until a token is cancelled.
#[derive(Clone)]
struct Until(CancellationToken);

impl<F> Executor<F> for Until
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let gone = self.0.clone();
        tokio::spawn(async move { gone.run_until_cancelled_owned(task).await });
    }
}
