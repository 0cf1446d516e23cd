//! Refusals, with the numbers that an operator needs.

use std::fmt;
use std::time::Duration;

use wgcni_model::Prefix;

/// How full the pool of a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What is divided.
    pub prefix: Prefix,
    /// Length of the parts; a host's when addresses are given.
    pub length: u8,
    /// How many parts can be given; saturates.
    pub capacity: u64,
    /// How many are given.
    pub used: u64,
    /// How many rest.
    pub resting: u64,
    /// When the next rested one can be given.
    pub next_free: Option<Duration>,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, used, resting, .. } = self;
        write!(f, "{used} of {capacity} in use, {resting} resting after release")?;
        match self.next_free {
            Some(wait) => write!(f, ", next free in {} s", wait.as_millis().div_ceil(1000)),
            None => Ok(()),
        }
    }
}

/// Nothing was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocateError {
    /// All parts of a family are in use or rest.
    #[error("no free {part}: {usage}", part = part(usage))]
    Exhausted {
        /// How full the family is.
        usage: Usage,
    },
    /// The part that was asked for cannot be given.
    #[error("{wanted} is not free: {why}")]
    NotFree {
        /// What was asked for.
        wanted: Prefix,
        /// Why not.
        why: &'static str,
    },
}

/// What there is none of, like "IPv4 /24 in 10.64.0.0/12".
fn part(usage: &Usage) -> String {
    let Usage { prefix, length, .. } = usage;
    let family = prefix.family();
    if *length == family.bits() {
        format!("{family} address in {prefix}")
    } else {
        format!("{family} /{length} in {prefix}")
    }
}
