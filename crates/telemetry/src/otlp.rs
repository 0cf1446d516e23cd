//! Spans of calls, attachments and passes, sent to a collector: OTLP, protobuf over plain
//! HTTP. What cannot be sent in time is dropped; nobody waits for it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use wgcni_daemon::logging::{self, Format, Listener, LoggingError};

/// Where the OpenTelemetry protocol has spans (OTLP/HTTP, section "default URL paths").
const PATH: &str = "/v1/traces";

/// How long sending one batch may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of the program waits for the last batch.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often what was gathered is sent, and how much is gathered at most.
const EVERY: Duration = Duration::from_secs(2);
const QUEUE: usize = 2048;

/// Most of an answer that is read.
const ANSWER: usize = 64 * 1024;

/// A collector: `http://host:port`, and a path where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(String);

/// It is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be http://host:port, a collector that is reached in the clear")]
pub struct EndpointError;

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let uri: http::Uri = text.parse().map_err(|_| EndpointError)?;
        let named = uri.authority().is_some_and(|a| !a.host().is_empty() && !text.contains('@'));
        let plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        if !named || !plain {
            return Err(EndpointError);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Export of spans, until it is dropped: then the last batch is sent, within a second.
#[derive(Debug)]
pub struct Spans(Option<SdkTracerProvider>);

impl Drop for Spans {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            let _ = provider.shutdown_with_timeout(FAREWELL);
        }
    }
}

/// Spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Logging.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The library.
    #[error("set up the export of spans")]
    Export(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Sets up logging by this filter, and beside it the export of `program`'s spans where there
/// is a collector. To be called inside a runtime.
///
/// # Errors
/// When the filter is malformed, or on a second call.
pub fn init(
    (filter, format): (&str, Format),
    program: &'static str,
    endpoint: Option<&Endpoint>,
) -> Result<Spans, InitError> {
    let Some(endpoint) = endpoint else {
        logging::init(filter, format)?;
        return Ok(Spans(None));
    };
    let provider = provider(program, endpoint)?;
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(program))
        .with_location(false)
        .with_threads(false)
        .with_filter(filter_fn(is_exported));
    let layer: Listener = Box::new(layer);
    logging::init_beside(filter, format, Some(layer))?;
    tracing::info!(%endpoint, "spans are exported");
    Ok(Spans(Some(provider)))
}

/// Spans of our own alone, whatever is logged: those of libraries are many, and those of
/// what sends them would never end.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let ours = ["wgcni_", "node_manager", "cluster_manager"];
    metadata.is_span()
        && *metadata.level() <= Level::DEBUG
        && ours.iter().any(|ours| metadata.target().starts_with(ours))
}

fn provider(program: &'static str, to: &Endpoint) -> Result<SdkTracerProvider, InitError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::new())
        .with_endpoint(format!("{to}{PATH}"))
        .with_timeout(TIMEOUT)
        .build()?;
    // A thread of its own, with a queue that is full rather than long.
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_scheduled_delay(EVERY)
        .build();
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let about = Resource::builder_empty()
        .with_service_name(program)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("host.name", host.trim().to_owned()))
        .build();
    Ok(SdkTracerProvider::builder().with_span_processor(batches).with_resource(about).build())
}

/// Sends on the daemon's runtime what the thread with the batches gives it.
#[derive(Debug)]
struct Sender {
    runtime: Handle,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Sender {
    fn new() -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { runtime: Handle::current(), client }
    }
}

#[connectrpc::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = async move {
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER).collect().await?.to_bytes();
            Ok(http::Response::from_parts(head, body))
        };
        // Its clock starts inside: there is none on the thread that calls this.
        self.runtime.spawn(async move { tokio::time::timeout(TIMEOUT, sent).await? }).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_plain_http() {
        let read = |text: &str| text.parse::<Endpoint>().map(String::from);
        assert_eq!(read("http://127.0.0.1:4318/"), Ok("http://127.0.0.1:4318".to_owned()));
        assert_eq!(read("http://[::1]:4318/otlp"), Ok("http://[::1]:4318/otlp".to_owned()));
        for bad in ["", "127.0.0.1:4318", "https://c:4318", "http://", "http://a:b@c:1", "grpc://c"]
        {
            assert_eq!(read(bad), Err(EndpointError), "{bad}");
        }
    }
}
