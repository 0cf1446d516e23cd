//! The server over real TCP: who gets in, what they may hold, and how they are thrown out.
#![allow(clippy::unwrap_used)]

mod doors;
mod handshakes;
mod limits;
mod load;
mod support;
mod throwing_out;
