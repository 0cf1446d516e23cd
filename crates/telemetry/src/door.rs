//! Pages over TCP: plain HTTP/1.1, one request for each connection, and `GET /metrics`
//! alone.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wgcni_daemon::serve::http_builder;
use wgcni_daemon::{CancellationToken, Neighbourhood};

use crate::source::Source;

/// What clients may hold, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; further ones are closed.
    pub connections: usize,
    /// The same for one IPv4 address or one IPv6 /64.
    pub per_address: usize,
    /// From accept to the end of the answer.
    pub life: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, per_address: 16, life: Duration::from_secs(10) }
    }
}

/// For the headers of a request.
const HEADERS: Duration = Duration::from_secs(5);

/// Largest head of a request.
const HEAD: usize = 16 * 1024;

/// How long to wait when the system has no descriptor or memory for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Says where pages are to be had, and warns where more than this machine reaches them.
pub fn announce(address: SocketAddr) {
    if address.ip().to_canonical().is_loopback() {
        tracing::info!(listen = %address, "metrics");
    } else {
        tracing::warn!(
            listen = %address,
            "metrics are plaintext and open to whoever reaches this address: names of nodes, \
             traffic, how things stand; no keys"
        );
    }
}

/// Serves pages until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    source: Arc<Source>,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let mut builder = http_builder(TokioExecutor::new(), 1, HEADERS).http1_only();
    builder.http1().keep_alive(false).max_buf_size(HEAD);
    let router = source.router();
    let places = Arc::new(Places { limits, taken: Mutex::default() });
    // They end with this: none holds anything that must be finished.
    let mut tasks = JoinSet::new();
    loop {
        // Dropping `accept` is safe: a connection is either returned or still queued.
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let Some(place) = Places::take(&places, from.ip()) else {
                    tracing::debug!(%from, "metrics: drop a connection: over the caps");
                    continue;
                };
                let answered = answer(builder.clone(), stream, router.clone());
                tasks.spawn(async move {
                    let _place = place;
                    let _ = timeout(limits.life, answered).await;
                });
            }
            Err(error) => {
                tracing::debug!(%error, "metrics: accept a connection");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

async fn answer(builder: Builder<TokioExecutor>, stream: TcpStream, router: Router) {
    let service = TowerToHyperService::new(router);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "metrics: connection ended");
    }
}

/// Who is connected.
struct Places {
    limits: Limits,
    taken: Mutex<HashMap<Neighbourhood, usize>>,
}

/// A connection's place, until it is dropped.
struct Place(Arc<Places>, Neighbourhood);

impl Places {
    fn take(this: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let from = Neighbourhood::of(from);
        let mut taken = this.lock();
        if taken.values().sum::<usize>() >= this.limits.connections {
            return None;
        }
        let its = taken.entry(from).or_default();
        // An entry that was made now is below any cap.
        if *its >= this.limits.per_address {
            return None;
        }
        *its += 1;
        Some(Place(Arc::clone(this), from))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Neighbourhood, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.lock();
        if let Some(its) = taken.get_mut(&self.1) {
            *its -= 1;
            if *its == 0 {
                taken.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;
    use crate::page::Page;

    const GET: &str = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";

    struct Served {
        address: SocketAddr,
        shutdown: CancellationToken,
    }

    impl Served {
        async fn new(limits: Limits) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
            let source = Source::new(|| async {
                let mut page = Page::new("x");
                page.gauge("ready", "It works", 1.0);
                page
            });
            tokio::spawn(serve(listener, source, limits, shutdown.clone()));
            Self { address, shutdown }
        }

        async fn ask(&self, request: &str) -> String {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let mut answer = Vec::new();
            let _ = stream.write_all(request.as_bytes()).await;
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).unwrap()
        }
    }

    impl Drop for Served {
        fn drop(&mut self) {
            self.shutdown.cancel();
        }
    }

    #[tokio::test]
    async fn only_a_get_of_metrics_is_answered() {
        let served = Served::new(Limits::default()).await;
        let page = served.ask(GET).await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        assert!(page.contains("\r\ncontent-type: text/plain; version=0.0.4"), "{page}");
        assert!(page.ends_with("x_ready 1.0\n"), "{page}");
        for path in ["/", "/metrics/", "/metrics/x", "//metrics", "/healthz", "/debug/pprof"] {
            let answer = served.ask(&GET.replace("/metrics", path)).await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        }
        let call = "/wgcni.admin.v1.AdminService/ListMembers";
        let answer = served.ask(&GET.replace("/metrics", call)).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        for method in ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let answer = served.ask(&GET.replace("GET", method)).await;
            assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
            assert!(answer.contains("\r\nallow: GET\r\n"), "{method}: {answer}");
        }
        let http2 = served.ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        assert!(!http2.contains(" 200 "), "{http2}");
        let long = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(HEAD));
        assert!(!served.ask(&long).await.contains(" 200 "));
    }

    #[tokio::test]
    async fn a_flood_from_one_address_is_capped_and_ends() {
        let limits =
            Limits { per_address: 4, life: Duration::from_millis(300), ..Limits::default() };
        let served = Served::new(limits).await;
        let mut flood = Vec::new();
        for _ in 0..50 {
            flood.push(TcpStream::connect(served.address).await.unwrap());
        }
        // Those over the cap are closed at once.
        let mut closed = 0;
        for stream in &mut flood[4..] {
            let read = timeout(Duration::from_millis(200), stream.read(&mut [0])).await;
            closed += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
        }
        assert_eq!(closed, 46);
        let began = Instant::now();
        while !served.ask(GET).await.contains("x_ready 1.0") {
            assert!(began.elapsed() < Duration::from_secs(5), "the flood never ends");
        }
    }

    #[tokio::test]
    async fn whoever_dawdles_is_cut_off() {
        let limits = Limits { life: Duration::from_millis(300), ..Limits::default() };
        let served = Served::new(limits).await;
        let mut slow = TcpStream::connect(served.address).await.unwrap();
        let began = Instant::now();
        let mut cut = false;
        for byte in GET.bytes().chain(std::iter::repeat_n(b'x', 100)) {
            cut = slow.write_all(&[byte]).await.is_err();
            if cut || began.elapsed() > Duration::from_secs(5) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        assert!(cut && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[test]
    fn places_are_given_back() {
        let limits = Limits { connections: 2, per_address: 1, ..Limits::default() };
        let places = Arc::new(Places { limits, taken: Mutex::default() });
        let take = |address: &str| Places::take(&places, address.parse().unwrap());
        let one = take("2001:db8::1").unwrap();
        assert!(take("2001:db8::2").is_none(), "the same /64");
        let two = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.2").is_none(), "the total");
        drop((one, two));
        assert!(places.lock().is_empty());
        assert!(take("::ffff:192.0.2.1").is_some() && places.lock().is_empty());
    }
}
