//! What a host's kernel should hold, and how it gets there.
//!
//! Owns: WireGuard devices (kernel and userspace), links, addresses, routes, sysctls,
//! firewall chains, network namespaces. Never imports: the wire, the store, allocation,
//! a runtime. All of it is synchronous.
//!
//! ```text
//! wish (State) --+
//!                +-> diff (pure) -> Vec<Change> -> apply -> kernel, tunnels process
//! observe -------+
//! ```
//! The wish is policy and comes from the caller; this crate is mechanism. What is ours is
//! known by its mark ([`mark`], [`state::PROTOCOL`], the chains of [`firewall`]); nothing
//! unmarked is touched.

pub mod container;
mod diff;
mod error;
pub mod firewall;
mod host;
pub mod mark;
mod namespace;
mod netlink;
mod parts;
pub mod state;
pub mod wireguard;

pub use diff::{Change, RepairKind, Settled, diff};
pub use error::Error;
pub use host::{Failure, Host, Report, Seen, Watch};
pub use namespace::Namespace;
pub use parts::Parts;
pub use state::{Link, LinkName, Peer, Route, State, Sysctl, Target, Traffic, Wireguard};
pub use wireguard::{Engine, PROTOCOL as TUNNELS_PROTOCOL, Preference, Tunnels};
