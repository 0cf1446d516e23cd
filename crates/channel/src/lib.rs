//! The control channel: mutual TLS between a cluster-manager and its members.
//!
//! Owns: which TLS is spoken, who is let in and with what limits, who a request came from.
//! Never imports: a store, a dataplane, an allocator. What a caller may do is not decided
//! here; whether it is still a member is asked of a [`server::Gate`], at the handshake and
//! for every request.
//!
//! ```text
//! TCP -> caps, before any TLS -> TLS 1.3 -> Gate -> HTTP -> Gate, rates -> Caller + handler
//!                                             ^ Live::retain cuts what is open
//! ```

pub mod client;
pub mod server;
pub mod tls;
