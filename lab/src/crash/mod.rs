//! Killing programs at their fault points (`crates/fault`), and what must hold afterwards.

mod faults;
mod invariants;
mod matrix;

pub use faults::Faults;
pub use invariants::{Truth, verify};
pub use matrix::{Matrix, Outcome};
