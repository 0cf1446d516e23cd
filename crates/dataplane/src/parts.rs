//! Parts of a host's state, so that a pass reads only what its wish is about.

use std::ops::{BitOr, BitOrAssign};

/// A set of parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts(u8);

impl Parts {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The link to the containers.
    pub const HUB: Self = Self(1);
    /// The link to the other nodes.
    pub const MESH: Self = Self(2);
    /// Routes.
    pub const ROUTES: Self = Self(4);
    /// Firewall chains.
    pub const FIREWALL: Self = Self(8);
    /// Kernel settings.
    pub const SYSCTLS: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// Each by itself.
    pub const EACH: [Self; 5] =
        [Self::HUB, Self::MESH, Self::ROUTES, Self::FIREWALL, Self::SYSCTLS];

    /// Name of one of [`Parts::EACH`], for people and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::HUB => "hub",
            Self::MESH => "mesh",
            Self::ROUTES => "routes",
            Self::FIREWALL => "firewall",
            _ => "sysctls",
        }
    }

    /// Whether all of `other` are in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it is the empty set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Parts {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
