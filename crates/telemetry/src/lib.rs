//! What operators' programs see of a daemon: metrics and spans.
//!
//! Owns: how numbers become a page, what is measured of calls, commits and the process, and
//! the listener for pages. Never knows what another number means: gauges are computed by
//! their daemon when somebody asks, from what it knows anyway.
//!
//! ```text
//! GET /metrics -> Source (at most once a second) -> the daemon's collect() -> Page -> text
//!                                                      Calls, Commits -----^
//! tracing spans -> otlp -> a collector
//! ```

pub mod calls;
pub mod commits;
pub mod door;
pub mod otlp;
mod page;
mod process;
mod source;

pub use page::{Labels, Page, Timings};
pub use source::{PATH, Source};
