//! Kernel settings under `/proc/sys/net`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use wgcni_model::{IfName, Invalid};

/// A network setting, by its path below `/proc/sys` (`net/ipv4/ip_forward`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sysctl(String);

impl Sysctl {
    /// Whether IPv4 packets of others are forwarded.
    pub fn ipv4_forwarding() -> Self {
        Self("net/ipv4/ip_forward".to_owned())
    }

    /// Whether IPv6 packets of others are forwarded.
    pub fn ipv6_forwarding() -> Self {
        Self("net/ipv6/conf/all/forwarding".to_owned())
    }

    /// Source validation of an interface; the larger of this and `all` counts, 2 is loose.
    pub fn rp_filter(interface: &str) -> Self {
        Self(format!("net/ipv4/conf/{interface}/rp_filter"))
    }

    /// Whether an interface takes router advertisements; 2 is also while forwarding.
    pub fn accept_ra(interface: &str) -> Self {
        Self(format!("net/ipv6/conf/{interface}/accept_ra"))
    }

    /// Whether an interface is without IPv6.
    pub fn disable_ipv6(interface: &str) -> Self {
        Self(format!("net/ipv6/conf/{interface}/disable_ipv6"))
    }

    /// The interface that it is of.
    pub(crate) fn interface(&self) -> Option<&str> {
        self.0.split_once("/conf/")?.1.rsplit_once('/').map(|(interface, _)| interface)
    }

    /// Whether it lets packets pass through the host: such a one is set last, when the
    /// firewall stands.
    pub(crate) fn opens(&self) -> bool {
        self.0.ends_with("forward") || self.0.ends_with("forwarding")
    }

    /// Its value in the namespace of the calling thread, if it exists.
    pub(crate) fn read(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(|text| Some(text.trim_end().to_owned())),
        }
    }

    /// Writes its value in the namespace of the calling thread.
    pub(crate) fn write(&self, value: &str) -> io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.path())?.write_all(value.as_bytes())
    }

    fn path(&self) -> PathBuf {
        Path::new("/proc/sys").join(&self.0)
    }
}

impl FromStr for Sysctl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let below = text.strip_prefix("net/").unwrap_or_default();
        // Each part is a word, or the name of an interface.
        let inside = below.split('/').all(|p| p.parse::<IfName>().is_ok() || is_word(p));
        if inside {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("sysctl", text, "is not a path below net/"))
        }
    }
}

fn is_word(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl TryFrom<String> for Sysctl {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Sysctl> for String {
    fn from(sysctl: Sysctl) -> Self {
        sysctl.0
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_paths_below_net_are_settings() {
        let good = "net/ipv4/conf/eth0.12/rp_filter net/netfilter/nf_conntrack_udp_timeout_stream";
        for text in good.split(' ') {
            assert_eq!(text.parse::<Sysctl>().unwrap().to_string(), text);
        }
        for text in ["net", "kernel/hostname", "net/../kernel/hostname", "/net/x", "net//x", ""] {
            assert!(text.parse::<Sysctl>().is_err(), "{text}");
        }
    }

    #[test]
    fn forwarding_is_told_from_the_rest_and_interfaces_are_found() {
        assert_eq!(Sysctl::rp_filter("eth0.1").interface(), Some("eth0.1"));
        assert_eq!(Sysctl::ipv4_forwarding().interface(), None);
        assert!(!Sysctl::rp_filter("forwarding").opens());
        assert!(Sysctl::ipv4_forwarding().opens() && Sysctl::ipv6_forwarding().opens());
    }
}
