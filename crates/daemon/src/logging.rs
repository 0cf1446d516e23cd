//! Logs, on standard error.

use std::io::{self, IsTerminal};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The filter is malformed.
    #[error("log filter {filter:?}")]
    Filter {
        /// What was asked for.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// A second call in one process.
    #[error("logging is set up already")]
    Twice,
}

/// Somebody else who is told of spans and events.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// What is logged: as configured, else as `RUST_LOG` says, else the default.
pub fn filter(configured: Option<String>, default: &str) -> String {
    let said = || std::env::var("RUST_LOG").ok().filter(|said| !said.trim().is_empty());
    configured.or_else(said).unwrap_or_else(|| default.to_owned())
}

/// Sends events that pass `filter` ("info", "debug,hyper=warn") to standard error.
///
/// # Errors
/// When the filter is malformed, or on a second call.
pub fn init(filter: &str, format: Format) -> Result<(), LoggingError> {
    init_beside(filter, format, None)
}

/// The same beside another listener, which has a filter of its own.
///
/// # Errors
/// When the filter is malformed, or on a second call.
pub fn init_beside(
    filter: &str,
    format: Format,
    other: Option<Listener>,
) -> Result<(), LoggingError> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|source| LoggingError::Filter { filter: filter.to_owned(), source })?;
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match format {
        Format::Text => lines.with_target(false).with_filter(parsed).boxed(),
        Format::Json => lines.json().with_filter(parsed).boxed(),
    };
    tracing_subscriber::registry()
        .with(other)
        .with(lines)
        .try_init()
        .map_err(|_| LoggingError::Twice)
}
