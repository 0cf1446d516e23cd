//! Address allocation, pure: no clock, no disk, no randomness.
//!
//! Owns: who has which part of a prefix, and what is given next. Never imports more
//! than the model. Time is an argument (since the Unix epoch); what must survive a
//! restart is the caller's to store, and to [`restore`](Allocator::restore).
//!
//! Two uses of one thing: subnets of the cluster for nodes, and addresses of a lease
//! for containers. What is given next: what was never given, lowest first; when that
//! is used up, what was given back longest ago, once it has rested.

mod allocator;
mod error;
mod pool;

pub use allocator::{Allocator, Lengths};
pub use error::{AllocateError, Usage};
