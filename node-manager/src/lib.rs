//! The node-manager: serves one node.
//!
//! Owns: the host's network namespace, the node's keys, its attachments. The only writer of
//! all three. Never asks the cluster-manager before it answers a container: what it needs
//! for that is on its own disk.
//!
//! ```text
//! plugin -> socket -> rpc -> attachments (store) -+
//! cluster-manager -> membership (files) ----------+-> reconcile: desired() -> kernel
//!                                    notifications, resync -^
//! ```

pub mod attachments;
pub mod channel;
pub mod cleanup;
pub mod cli;
pub mod config;
pub mod desired;
mod device;
pub mod endpoint;
mod errors;
mod eye;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod identity;
pub mod join;
pub mod lock;
pub mod membership;
mod metrics;
mod notifications;
pub mod reclaim;
pub mod reconcile;
pub mod renew;
mod report;
pub mod rpc;
pub mod serve;
pub mod socket;
mod status;
pub mod tombstones;
pub mod tunnels;
mod view;
