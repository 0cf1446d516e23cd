//! Names: of nodes, clusters, CNI networks, containers and interfaces.

use crate::invalid::Invalid;
use crate::text::serde_as_text;
use std::fmt;
use std::str::FromStr;

/// Defines a name: a string newtype that exists only when `check` accepts it.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Box<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(why) => Err(Invalid::new($what, text, why)),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        serde_as_text!($type);
    };
}

name! {
    /// Name of a node: a lower-case DNS label (RFC 1123), neither an
    /// internationalised one nor one of the few that would mislead in a log.
    NodeName, "node name", check_node
}
name! {
    /// Identity of a cluster: 128 random bits as 32 lower-case hexadecimal digits.
    ClusterId, "cluster id", check_cluster
}
name! {
    /// Name of a CNI network (CNI specification, "Network configuration").
    NetworkName, "network name", check_cni
}
name! {
    /// Id that a runtime gave a container (CNI specification, `CNI_CONTAINERID`).
    ContainerId, "container id", check_cni
}
name! {
    /// Name of a network interface: 1 to 15 bytes, what the kernel accepts.
    IfName, "interface name", check_ifname
}

impl ClusterId {
    /// Makes an id of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bytes)).into())
    }
}

/// Names that mean something else to whoever reads them.
const RESERVED: [&str; 6] = ["all", "any", "cluster", "localhost", "none", "self"];

fn check_node(text: &str) -> Result<(), &'static str> {
    let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty() || text.len() > 63 {
        return Err("must have 1 to 63 characters");
    }
    if !text.bytes().all(label) || text.starts_with('-') || text.ends_with('-') {
        return Err("must be a DNS label: a-z, 0-9 and inner hyphens");
    }
    if text.starts_with("xn--") {
        return Err("internationalised labels are not allowed");
    }
    if RESERVED.contains(&text) {
        return Err("is reserved");
    }
    Ok(())
}

fn check_cluster(text: &str) -> Result<(), &'static str> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == 32 && text.bytes().all(hex) {
        Ok(())
    } else {
        Err("must be 32 lower-case hexadecimal digits")
    }
}

fn check_cni(text: &str) -> Result<(), &'static str> {
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if text.is_empty() || text.len() > 255 {
        return Err("must have 1 to 255 characters");
    }
    if !text.as_bytes()[0].is_ascii_alphanumeric() || !text.bytes().all(rest) {
        return Err("must start with a letter or digit and hold only those, '_', '.' and '-'");
    }
    Ok(())
}

fn check_ifname(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 15 {
        return Err("must have 1 to 15 bytes");
    }
    if text == "." || text == ".." {
        return Err("is not a name");
    }
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b':' | b'%');
    if text.bytes().all(plain) {
        Ok(())
    } else {
        Err("must be printable ASCII without '/', ':', '%' and white space")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn node_names_are_dns_labels() {
        for good in ["a", "node-1", "0", &"x".repeat(63)] {
            assert_eq!(good.parse::<NodeName>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "a.b", "-a", "a-", "xn--a", "localhost", "a\nb", &"x".repeat(64)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn interface_names_are_what_the_kernel_takes() {
        for good in ["eth0", "wg0", "a@b", "exactly15bytes."] {
            good.parse::<IfName>().unwrap();
        }
        for bad in ["", ".", "..", "a/b", "a:b", "a b", "sixteen-bytes-xx", "é", "%d"] {
            assert!(bad.parse::<IfName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn container_ids_follow_the_cni_pattern() {
        for good in ["a", "A_b.c-9", "0123"] {
            good.parse::<ContainerId>().unwrap();
        }
        for bad in ["", "../../x", "-a", "_a", "a b", "a/b", "é"] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn cluster_ids_come_from_random_bytes_and_survive_text() {
        let id = ClusterId::from_random([7; 16]);
        assert_eq!(id.to_string().parse::<ClusterId>().unwrap(), id);
        assert!("ABCDEFABCDEFABCDEFABCDEFABCDEFAB".parse::<ClusterId>().is_err());
    }

    #[test]
    fn refusals_are_escaped_and_short() {
        let text = "x\n".repeat(1000).parse::<NodeName>().unwrap_err().to_string();
        assert!(!text.contains('\n') && text.len() < 200, "{text}");
    }
}
