//! The firewall: typed policy to rules (pure), rules to iptables.
//!
//! Chains of ours, one jump each, first in the built-in chain, so that they stand before a
//! `FORWARD DROP` of Docker and before any rule that accepts. There is no clamping of TCP's
//! MSS: both ends of a connection announce what their link's MTU allows, and that of the
//! overlay is the same everywhere; smaller paths outside are told by ICMP, which passes as
//! related.

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod policy;
mod text;
mod tool;

pub use policy::Policy;
pub(crate) use tool::Tool;
pub use tool::Variant;

use std::collections::BTreeMap;
use std::fmt;
use wgcni_model::Family;

/// The chains of ours, per family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firewall(pub BTreeMap<Family, Rules>);

/// The chains of one family with their rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(pub BTreeMap<Chain, Body>);

/// A chain of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// Anti-spoofing, in the table `raw`.
    Prerouting,
    /// What the overlay may ask the host, in the table `filter`.
    Input,
    /// What the host forwards, in the table `filter`.
    Forward,
    /// Egress, in the table `nat`.
    Postrouting,
}

impl Chain {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Prerouting, Self::Input, Self::Forward, Self::Postrouting];

    /// Its table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Prerouting => "raw",
            Self::Input | Self::Forward => "filter",
            Self::Postrouting => "nat",
        }
    }

    /// The built-in chain that jumps to it.
    pub fn builtin(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Postrouting => "POSTROUTING",
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WGCNI-{}", self.builtin())
    }
}

/// A chain's rules, and how it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Rules as `iptables -S` prints them, without `-A CHAIN`.
    pub rules: Vec<String>,
    /// How the built-in chain jumps to it.
    pub jump: Jump,
}

/// How a built-in chain jumps to ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Jump {
    /// Once, before all other rules.
    #[default]
    First,
    /// That many times, or not first; only observed.
    Wrong(usize),
}

/// A transport protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

#[cfg(test)]
mod tests;
