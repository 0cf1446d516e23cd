//! Virtual machines: for what a network namespace cannot show.
//!
//! A [`Machine`] is emulated in software and boots Debian's kernel from an [`Image`]:
//! busybox, our programs, and what a task needs beside them. Task and lab speak
//! through the serial console.
//!
//! [`power_cut`] lets the power go in mid-write; [`suite`] runs tests of ours on a kernel
//! that has WireGuard.

mod image;
mod kernel;
mod machine;
pub mod power_cut;
pub mod suite;

pub use image::Image;
pub use kernel::Kernel;
pub use machine::{Hardware, Machine};
