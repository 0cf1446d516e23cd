//! The network under the cluster: a bridge in a namespace of its own, and the
//! addresses of what hangs on it.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};

use crate::netns::Netns;

/// The bridge that all hosts hang on; every packet between hosts crosses it.
pub const BRIDGE: &str = "br0";

/// Addresses of the "outside" host that no lab host has a route of its own to: the
/// internet, as far as the lab is concerned (documentation prefixes).
pub const INTERNET: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 51, 100, 1), Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 1));

/// Host number of the outside host, the default gateway of all others.
pub const OUTSIDE: u8 = 1;

/// Names of links have at most 15 bytes.
const LONGEST_NAME: usize = 15;

/// The bridge's namespace.
#[derive(Debug)]
pub struct Underlay {
    netns: Netns,
}

impl Underlay {
    /// Makes the namespace and the bridge.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn create(name: &str) -> Result<Self> {
        let netns = Netns::create(name)?;
        netns.ip(&["link", "add", BRIDGE, "type", "bridge", "mcast_snooping", "0"])?;
        netns.ip(&["link", "set", BRIDGE, "up"])?;
        Ok(Self { netns })
    }

    /// The namespace of the bridge.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Connects a namespace as `eth0` with addresses and default routes. Both ends
    /// are made where they belong, none in the machine's own namespace.
    ///
    /// # Errors
    /// When the name is taken or too long.
    pub fn connect(&self, name: &str, netns: &Netns, number: u8) -> Result<()> {
        ensure!(name.len() <= LONGEST_NAME, "{name}: at most {LONGEST_NAME} letters");
        // Duplicate address detection would keep IPv6 silent for a second.
        netns.sysctl("net/ipv6/conf/default/accept_dad", "0")?;
        let peer = ["peer", "name", "eth0", "netns", netns.name()];
        let link = ["link", "add", name, "type", "veth"];
        self.netns.ip(&[&link[..], &peer[..]].concat())?;
        self.netns.ip(&["link", "set", name, "master", BRIDGE, "up"])?;
        netns.ip(&["address", "add", &format!("{}/24", address_v4(number)), "dev", "eth0"])?;
        netns.ip(&["address", "add", &format!("{}/64", address_v6(number)), "dev", "eth0"])?;
        netns.ip(&["link", "set", "eth0", "up"])?;
        if number != OUTSIDE {
            let (v4, v6) = (address_v4(OUTSIDE).to_string(), address_v6(OUTSIDE).to_string());
            netns.ip(&["route", "add", "default", "via", &v4])?;
            netns.ip(&["-6", "route", "add", "default", "via", &v6])?;
        }
        Ok(())
    }
}

/// IPv4 address of a host.
pub fn address_v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, number)
}

/// IPv6 address of a host (a ULA).
pub fn address_v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfd77, 0x6c61, 0x62, 0, 0, 0, 0, u16::from(number))
}
