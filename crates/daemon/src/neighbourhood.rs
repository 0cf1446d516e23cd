//! Who shares what one client may hold.

use std::net::{IpAddr, Ipv6Addr};

/// Who shares a cap: an IPv4 address, or the /64 that an IPv6 address is in, because one
/// customer has at least all of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Neighbourhood(IpAddr);

impl Neighbourhood {
    /// Of an address; an IPv4-mapped one is its IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        })
    }
}
