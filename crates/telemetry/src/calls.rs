//! How long calls take, and how they end.

use std::sync::Arc;
use std::time::Instant;

use connectrpc::interceptor::{StreamRequest, StreamResponse, UnaryRequest, UnaryResponse};
use connectrpc::{ConnectError, Interceptor, Next, NextStream, PayloadStream, RequestContext};
use tracing::{Instrument, Span, field};

use crate::page::{Labels, Page, Timings};

/// Measures all calls of a service. Clones share what they count.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Timings>);

impl Calls {
    /// Puts them on a page.
    pub fn show(&self, page: &mut Page) {
        let help = "How long calls took by method and code; of a stream, until it began";
        page.timings("rpc_duration_seconds", help, &self.0);
    }

    fn note(&self, (method, span): (&str, &Span), began: Instant, error: Option<&ConnectError>) {
        let code = error.map_or("ok", |error| error.code.as_str());
        span.record("code", code);
        self.0.observe(&labels(method, code), began.elapsed());
    }
}

fn labels(method: &str, code: &str) -> Labels {
    vec![("method", method.to_owned()), ("code", code.to_owned())]
}

fn span(method: &str) -> Span {
    tracing::debug_span!("rpc", method, code = field::Empty)
}

/// `Service/Method`, without the package. Only calls of methods that there are get here, so
/// there are few of them.
fn method(context: &RequestContext) -> String {
    let path = context.path().unwrap_or_default();
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or_default();
    format!("{}/{method}", service.rsplit('.').next().unwrap_or_default())
}

#[connectrpc::async_trait]
impl Interceptor for Calls {
    async fn intercept_unary(
        &self,
        request: UnaryRequest,
        next: Next<'_>,
    ) -> Result<UnaryResponse, ConnectError> {
        let (method, began) = (method(&request.ctx), Instant::now());
        let span = span(&method);
        let done = next.run(request).instrument(span.clone()).await;
        self.note((&method, &span), began, done.as_ref().err());
        done
    }

    async fn intercept_streaming(
        &self,
        request: StreamRequest,
        inbound: PayloadStream,
        next: NextStream<'_>,
    ) -> Result<StreamResponse, ConnectError> {
        let (method, began) = (method(&request.ctx), Instant::now());
        let span = span(&method);
        let done = next.run(request, inbound).instrument(span.clone()).await;
        self.note((&method, &span), began, done.as_ref().err());
        done
    }
}
