//! The whitelist directory: a file `NAME.pub` lets a node join, and its end revokes it.
//!
//! ```text
//! look() every second -> Look -> decide(what was known, Look) -> store, alarms
//! ```
//! A directory that is lost looks like one that was emptied. So a look that cannot be
//! trusted freezes: nothing is added or revoked until what is missing is back, or was
//! revoked by hand.

mod decide;
mod look;
mod memory;
mod watch;

pub use decide::{Decision, Known, decide};
pub use look::{Directory, Look, Unreadable, look};
pub(crate) use memory::{Damaged, Memory};
pub(crate) use watch::{Alarms, Watch};
