//! Where pages come from, and what is answered to whoever asks for one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::page::Page;

/// Where pages are.
pub const PATH: &str = "/metrics";

/// How long a page is good: whoever asks more often puts no load on the daemon.
const FRESH: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Collecting = Pin<Box<dyn Future<Output = Page> + Send>>;

/// Where pages come from.
pub struct Source {
    collect: Box<dyn Fn() -> Collecting + Send + Sync>,
    /// Held while a page is made: who comes meanwhile gets the same.
    last: Mutex<Option<(Instant, Arc<Made>)>>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source(..)")
    }
}

/// A page in the formats that were asked for.
struct Made {
    page: Page,
    text: OnceLock<Bytes>,
    open_metrics: OnceLock<Bytes>,
}

impl Made {
    fn body(&self, open_metrics: bool) -> Bytes {
        let made = if open_metrics {
            self.open_metrics.get_or_init(|| self.page.to_open_metrics().into())
        } else {
            self.text.get_or_init(|| self.page.to_text().into())
        };
        made.clone()
    }
}

impl Source {
    /// Pages as `collect` makes them.
    pub fn new<F>(collect: impl Fn() -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Page> + Send + 'static,
    {
        let collect = Box::new(move || Box::pin(collect()) as Collecting);
        Arc::new(Self { collect, last: Mutex::default() })
    }

    /// Answers `GET /metrics`, and nothing else.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().route(PATH, any(answer)).with_state(Arc::clone(self))
    }

    /// The page of now, or of a second ago.
    async fn page(&self) -> Arc<Made> {
        let mut last = self.last.lock().await;
        if let Some((_, made)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Arc::clone(made);
        }
        let page = (self.collect)().await;
        let made = Made { page, text: OnceLock::new(), open_metrics: OnceLock::new() };
        let made = Arc::new(made);
        *last = Some((Instant::now(), Arc::clone(&made)));
        made
    }
}

async fn answer(State(source): State<Arc<Source>>, request: Request) -> Response {
    if request.method() != Method::GET {
        let mut refused = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, Bytes::new());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refused;
    }
    let open_metrics = wants_open_metrics(request.headers());
    let kind = if open_metrics { OPEN_METRICS } else { TEXT };
    respond(StatusCode::OK, kind, source.page().await.body(open_metrics))
}

/// Prometheus names what it prefers first, and gives the rest as the fallback.
fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with("application/openmetrics-text"))
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn counting() -> (Arc<Source>, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let source = Source::new(move || {
            let n = count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let mut page = Page::new("x");
                page.counter("asked", "How often", n);
                page
            }
        });
        (source, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_too_often_gets_the_page_of_before() {
        let (source, asked) = counting();
        let all = (0..100).map(|_| source.page());
        futures::future::join_all(all).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(FRESH).await;
        assert!(source.page().await.body(false).ends_with(b"x_asked_total 1\n"));
    }

    #[test]
    fn the_format_is_what_was_asked_for() {
        let wants = |accept: &'static str| {
            wants_open_metrics(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert!(wants("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"));
        assert!(!wants("text/plain;version=0.0.4"));
        assert!(!wants("*/*"));
        assert!(!wants_open_metrics(&HeaderMap::new()));
    }
}
