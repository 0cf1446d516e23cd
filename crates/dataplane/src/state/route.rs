//! Routes of ours.

use super::LinkName;
use ipnetwork::IpNetwork;
use std::fmt;
use std::net::IpAddr;

/// The protocol number that marks routes of ours.
pub const PROTOCOL: u8 = 177;

/// Metric of a route through a link. Not a number that others use, so that a route of
/// theirs to the same place is never mistaken for ours.
pub const METRIC: u32 = 177;

/// Metric of a route to nowhere: after every other.
pub const UNREACHABLE_METRIC: u32 = u32::MAX;

/// A route in the main table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// To where.
    pub destination: IpNetwork,
    /// Which of several wins: the lowest.
    pub metric: u32,
    /// By which way.
    pub target: Target,
}

/// The way that a route goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Through a link of ours.
    Link {
        /// Which.
        link: LinkName,
        /// Source address of what the host itself sends.
        source: Option<IpAddr>,
    },
    /// Nowhere: senders are told so.
    Unreachable,
    /// Only observed: something else that bears our protocol number; goes.
    Other,
}

impl Route {
    /// A route through a link.
    pub fn via(destination: IpNetwork, link: LinkName, source: Option<IpAddr>) -> Self {
        Self { destination, metric: METRIC, target: Target::Link { link, source } }
    }

    /// A route to nowhere, where no other one matches.
    pub fn unreachable(destination: IpNetwork) -> Self {
        Self { destination, metric: UNREACHABLE_METRIC, target: Target::Unreachable }
    }

    /// The link of ours that it goes through.
    pub(crate) fn link(&self) -> Option<LinkName> {
        match self.target {
            Target::Link { link, .. } => Some(link),
            Target::Unreachable | Target::Other => None,
        }
    }

    /// What makes it one and the same route to the kernel.
    pub(crate) fn key(&self) -> (IpNetwork, u32) {
        (self.destination, self.metric)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Link { link, .. } => write!(f, "{} on {link}", self.destination),
            Target::Unreachable => write!(f, "{} unreachable", self.destination),
            Target::Other => write!(f, "{}", self.destination),
        }
    }
}
