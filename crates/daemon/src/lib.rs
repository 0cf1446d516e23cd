//! What every daemon needs and no daemon should write twice.
//!
//! Owns: layered configuration, logging, signals, backoff, serving until
//! shutdown, sockets for root alone, files that must survive a crash, secrets that are typed.
//! Never imports another crate of the workspace: what is configured or served is the caller's
//! business.
//!
//! ```text
//! file < variables < flags -> config::layered -> Settings
//! SIGTERM, SIGINT -> shutdown() -> CancellationToken -> serve::until_shutdown
//! ```

pub mod backoff;
pub mod config;
pub mod files;
mod limits;
pub mod logging;
mod neighbourhood;
mod ready;
pub mod sealed;
pub mod secret;
pub mod serve;
mod signals;
pub mod socket;

pub use backoff::Backoff;
pub use limits::raise_file_limit;
pub use neighbourhood::Neighbourhood;
pub use ready::ready;
pub use signals::shutdown;
pub use tokio_util::sync::CancellationToken;
