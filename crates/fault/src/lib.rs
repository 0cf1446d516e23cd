//! Fault points: places where a test kills a program, as kill -9 does, to see what becomes
//! of what was half done.
//!
//! Owns: the list of all effects, and how one is told to die. Imports nothing of ours.
//!
//! An effect is whatever outlives the process: a write to the disk, a change of the kernel,
//! a request to another program. [`around!`] marks it, and makes two points of it:
//! `NAME.before` and `NAME.after`.
//!
//! ```
//! # fn replace() -> Result<(), String> { Ok(()) }
//! # fn main() -> Result<(), String> {
//! wgcni_fault::around!("file.replace", replace())?;
//! # Ok(())
//! # }
//! ```
//! A name that is not in [`EFFECTS`] does not compile:
//!
//! ```compile_fail
//! wgcni_fault::around!("file.mislay", ());
//! ```
//! Without the feature `armed`, which
//! only test builds have, a marked effect is the effect and nothing else.
//!
//! Armed programs look at two variables:
//! - `WGCNI_FAULT=NAME.before[:N]`: die when that point is passed for the `N`th time, 1 by
//!   default. `WGCNI_FAULT=@FILE`: the same, but what is in the file counts, now and later,
//!   so that a running program can be armed. Who dies empties the file first.
//! - `WGCNI_FAULT_TRACE=FILE`: each point that is passed is appended, one per line.

#[cfg(feature = "armed")]
mod armed;
mod effects;

#[cfg(feature = "armed")]
#[doc(hidden)]
pub use armed::pass;
pub use effects::EFFECTS;

/// Evaluates an effect between its two points.
#[cfg(feature = "armed")]
#[macro_export]
macro_rules! around {
    ($name:literal, $effect:expr) => {{
        const { $crate::must_be_listed($name) };
        $crate::pass(concat!($name, ".before"));
        let outcome = $effect;
        $crate::pass(concat!($name, ".after"));
        outcome
    }};
}

/// Evaluates an effect; without the feature `armed` it has no points.
#[cfg(not(feature = "armed"))]
#[macro_export]
macro_rules! around {
    ($name:literal, $effect:expr) => {{
        const { $crate::must_be_listed($name) };
        $effect
    }};
}

/// Stops the compiler at a name that is not listed.
#[doc(hidden)]
pub const fn must_be_listed(name: &str) {
    let mut at = 0;
    while at < EFFECTS.len() {
        if same(EFFECTS[at].as_bytes(), name.as_bytes()) {
            return;
        }
        at += 1;
    }
    panic!("this effect is not in the list of crates/fault");
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
