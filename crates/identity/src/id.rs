//! Ids, and what a member may be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wgcni_model::Invalid;

/// Defines an id of 64 random bits: 16 lower-case hexadecimal digits.
macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; 8]);

        impl $type {
            /// An id of 8 random bytes.
            pub const fn from_random(bytes: [u8; 8]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 8] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{:016x}", u64::from_be_bytes(self.0)))
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                let digits = text.len() == 16 && text.bytes().all(hex);
                let number = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
                let why = "must be 16 lower-case hexadecimal digits";
                let number = number.ok_or_else(|| Invalid::new($what, text, why))?;
                Ok(Self(number.to_be_bytes()))
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// Id of an identity; never used again.
    IdentityId, "identity id"
}
id! {
    /// Id of a ticket or token: what may be shown of it.
    TicketId, "ticket id"
}

/// What a member may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A machine that runs a node-manager.
    Node,
    /// A person or program that administers the cluster.
    Operator,
}

impl Role {
    /// As in a SPIFFE id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_survive_text_and_only_exact_text_is_taken() {
        let id = IdentityId::from_random([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]);
        assert_eq!(id.to_string(), "00010203fcfdfeff");
        assert_eq!(id.to_string().parse::<IdentityId>().unwrap(), id);
        for bad in ["", "0001", "00010203FCFDFEFF", "+0010203fcfdfeff", "00010203fcfdfeff0"] {
            assert!(bad.parse::<TicketId>().is_err(), "{bad}");
        }
    }
}
