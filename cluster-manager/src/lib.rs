//! Serves a cluster: who has which part of its address space, and who its peers are.
//!
//! Owns: leases, the registry of peers, the stream of changes, who is a member and how
//! one joins, and their rules. Never
//! imports the data plane: it touches no kernel. The program is thin; this library
//! exists so that tests and benchmarks can serve a cluster in their own process.
//!
//! ```text
//! doors -> authz -> rpc::{ipam, wireguard, join, identity, admin}, rest
//!                     |
//!                  Registry -> Store (commit) -> durable
//!                     ^            |
//!                     +-- feed <---+ (watch)
//!                     |
//!                   Hub: one encoded change for all WatchPeers streams
//! ```

pub mod authority;
pub mod authz;
mod background;
pub mod cli;
mod cluster;
pub mod config;
mod doors;
mod errors;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod host_routes;
pub mod init;
mod keys;
pub mod members;
mod metrics;
mod prompts;
mod records;
mod registry;
mod reports;
pub mod rest;
mod rpc;
pub mod serve;
mod watch;
pub mod whitelist;

pub use errors::Refusal;
pub use keys::Keys;
pub use registry::{Registry, StartError};
