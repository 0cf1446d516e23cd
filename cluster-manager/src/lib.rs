//! Serves a cluster: who has which part of its address space, and who its peers are.
//!
//! Owns: leases, the registry of peers, the stream of changes, and their rules. Never
//! imports the data plane: it touches no kernel. The program is thin; this library
//! exists so that tests and benchmarks can serve a cluster in their own process.
//!
//! ```text
//! rpc::{ipam, wireguard} -> Registry -> Store (commit) -> durable
//!                              ^            |
//!                              +-- feed <---+ (watch)
//!                              |
//!                            Hub: one encoded change for all WatchPeers streams
//! ```

pub mod config;
mod errors;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod host_routes;
pub mod init;
mod records;
mod registry;
mod rpc;
pub mod serve;
mod watch;

pub use errors::Refusal;
pub use registry::{Registry, StartError};
