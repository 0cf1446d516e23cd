//! Address prefixes and the pair of them that a dual-stack cluster has everywhere.

use crate::invalid::Invalid;
use crate::text::serde_as_text;
use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Length of an address in bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A prefix that may carry unicast traffic of an overlay: host bits zero, length not 0,
/// nothing of loopback, link-local, multicast or IPv4-mapped space in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(IpNetwork);

impl Prefix {
    /// Accepts a prefix.
    ///
    /// # Errors
    /// Host bits set, length 0 or beyond the family's, space that is not unicast.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, Invalid> {
        let invalid = |why| Invalid::new("prefix", format!("{address}/{length}"), why);
        let net = IpNetwork::new(address, length).map_err(|_| invalid("length is too long"))?;
        if length == 0 {
            return Err(invalid("length must not be 0"));
        }
        if net.network() != address {
            return Err(invalid("host bits must be zero"));
        }
        if FORBIDDEN.iter().any(|(bad, len)| overlap(net, *bad, *len)) {
            return Err(invalid("is not unicast space"));
        }
        Ok(Self(net))
    }

    /// The prefix that holds exactly one address.
    ///
    /// # Errors
    /// As [`Prefix::new`].
    pub fn host(address: IpAddr) -> Result<Self, Invalid> {
        Self::new(address, Family::of(address).bits())
    }

    /// The network address.
    pub fn address(&self) -> IpAddr {
        self.0.network()
    }

    /// The length in bits.
    pub fn length(&self) -> u8 {
        self.0.prefix()
    }

    /// The family.
    pub fn family(&self) -> Family {
        Family::of(self.address())
    }

    /// The prefix as an `ipnetwork` type.
    pub fn network(&self) -> IpNetwork {
        self.0
    }

    /// Whether the address is inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(address)
    }

    /// Whether the whole of `other` is inside.
    pub fn covers(&self, other: &Self) -> bool {
        self.length() <= other.length() && self.contains(other.address())
    }

    /// Whether the two share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// The address `n` places after the network address, if it is inside.
    pub fn nth(&self, n: u128) -> Option<IpAddr> {
        let address = match self.address() {
            IpAddr::V4(a) => {
                let sum = u32::from(a).checked_add(u32::try_from(n).ok()?)?;
                IpAddr::V4(Ipv4Addr::from(sum))
            }
            IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from(u128::from(a).checked_add(n)?)),
        };
        self.contains(address).then_some(address)
    }

    /// The first host: the address of the node itself in its lease.
    pub fn first_host(&self) -> IpAddr {
        self.nth(1).unwrap_or_else(|| self.address())
    }

    /// The `n`th prefix of length `length` inside this one, if there is one.
    pub fn subnet(&self, length: u8, n: u128) -> Option<Self> {
        if length < self.length() || length > self.family().bits() {
            return None;
        }
        let shift = u32::from(self.family().bits() - length);
        let offset = n.checked_mul(1u128.checked_shl(shift)?)?;
        let address = self.nth(offset)?;
        Self::new(address, length).ok()
    }

    /// How many prefixes of length `length` fit; saturates at `u64::MAX`.
    pub fn subnets(&self, length: u8) -> u64 {
        match length.checked_sub(self.length()) {
            Some(bits) if length <= self.family().bits() => {
                1u64.checked_shl(bits.into()).unwrap_or(u64::MAX)
            }
            _ => 0,
        }
    }
}

/// Space that never carries unicast traffic between machines.
const FORBIDDEN: [(IpAddr, u8); 10] = [
    (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 4),
    (IpAddr::V4(Ipv4Addr::new(240, 0, 0, 0)), 4),
    (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 127),
    (IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), 96),
    (IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0)), 96),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
];

fn overlap(net: IpNetwork, address: IpAddr, length: u8) -> bool {
    match (net, address) {
        (IpNetwork::V4(n), IpAddr::V4(a)) => {
            Ipv4Network::new(a, length).is_ok_and(|other| n.overlaps(other))
        }
        (IpNetwork::V6(n), IpAddr::V6(a)) => {
            Ipv6Network::new(a, length).is_ok_and(|other| n.overlaps(other))
        }
        _ => false,
    }
}

impl FromStr for Prefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("prefix", text, "is not address/length");
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        let canonical = !length.starts_with('+') && (length == "0" || !length.starts_with('0'));
        match (address.parse(), length.parse()) {
            (Ok(address), Ok(length)) if canonical => Self::new(address, length),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

serde_as_text!(Prefix);

/// One of each family, at least one: `v4` holds IPv4 only and `v6` IPv6 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DualStack<T> {
    v4: Option<T>,
    v6: Option<T>,
}

/// What a cluster or a node owns.
pub type Prefixes = DualStack<Prefix>;

/// What a container or a node is reached at.
pub type Addresses = DualStack<IpAddr>;

/// What has a family.
pub trait HasFamily: Copy {
    /// The family.
    fn family(&self) -> Family;
}

impl HasFamily for Prefix {
    fn family(&self) -> Family {
        Prefix::family(self)
    }
}

impl HasFamily for IpAddr {
    fn family(&self) -> Family {
        Family::of(*self)
    }
}

impl<T: HasFamily + fmt::Display> DualStack<T> {
    /// Sorts the items by family.
    ///
    /// # Errors
    /// No item, or two of one family.
    pub fn from_items(items: impl IntoIterator<Item = T>) -> Result<Self, Invalid> {
        let (mut v4, mut v6) = (None, None);
        for item in items {
            let slot = match item.family() {
                Family::V4 => &mut v4,
                Family::V6 => &mut v6,
            };
            if slot.replace(item).is_some() {
                let why = format!("is the second of {}", item.family());
                return Err(Invalid::new("list", item.to_string(), why));
            }
        }
        if v4.is_none() && v6.is_none() {
            return Err(Invalid::new("list", "", "must have one item of a family"));
        }
        Ok(Self { v4, v6 })
    }
}

impl<T: Copy> DualStack<T> {
    /// The IPv4 item.
    pub fn v4(&self) -> Option<T> {
        self.v4
    }

    /// The IPv6 item.
    pub fn v6(&self) -> Option<T> {
        self.v6
    }

    /// The item of a family.
    pub fn get(&self, family: Family) -> Option<T> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// The items, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<T> {
        self.v4.into_iter().chain(self.v6)
    }
}

impl Prefixes {
    /// Whether the address is inside one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.iter().any(|prefix| prefix.contains(address))
    }

    /// Whether each of `other` is inside one of them.
    pub fn cover(&self, other: &Self) -> bool {
        other.iter().all(|o| self.iter().any(|own| own.covers(&o)))
    }

    /// The first pair, one of each, that shares an address.
    pub fn overlap(&self, other: &Self) -> Option<(Prefix, Prefix)> {
        let pairs = self.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
        pairs.into_iter().find(|(a, b)| a.overlaps(b))
    }

    /// The first host of each: the address of the node that owns them.
    pub fn first_hosts(&self) -> Addresses {
        DualStack { v4: self.v4.map(|p| p.first_host()), v6: self.v6.map(|p| p.first_host()) }
    }
}

impl<T: HasFamily + fmt::Display> fmt::Display for DualStack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, item) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

impl<T: Serialize + Copy> Serialize for DualStack<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de> + HasFamily + fmt::Display> Deserialize<'de> for DualStack<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::from_items(Vec::<T>::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn only_unicast_prefixes_without_host_bits_are_taken() {
        for good in ["10.64.0.0/12", "10.0.0.1/32", "fd00::/48", "2001:db8::1/128"] {
            assert_eq!(p(good).to_string(), good);
        }
        let bad = "0.0.0.0/0 10.0.0.1/24 10.0.0.0/33 127.0.0.0/8 126.0.0.0/7 224.0.0.0/4 ::/0 ::1/128 \
             fe80::/64 ff02::/16 ::ffff:10.0.0.0/104 10.0.0.0 10.0.0.0/ 10.0.0.0/+8 10.0.0.0/08 /8";
        for text in bad.split_whitespace().chain(["", "10.0.0.0/8\n"]) {
            assert!(text.parse::<Prefix>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn subnets_are_counted_and_numbered() {
        assert_eq!(p("10.64.0.0/12").subnets(24), 4096);
        assert_eq!(p("10.64.0.0/12").subnet(24, 4095), Some(p("10.79.255.0/24")));
        assert_eq!(p("10.64.0.0/12").subnet(24, 4096), None);
        assert_eq!(p("fd00::/48").subnet(64, 2), Some(p("fd00:0:0:2::/64")));
        assert_eq!(p("fd00::/8").subnets(128), u64::MAX);
    }

    #[test]
    fn a_pair_has_at_most_one_of_a_family_and_at_least_one() {
        let pair = Prefixes::from_items([p("fd00::/48"), p("10.64.0.0/12")]).unwrap();
        assert_eq!(pair.to_string(), "10.64.0.0/12, fd00::/48");
        assert!(Prefixes::from_items([p("10.0.0.0/8"), p("11.0.0.0/8")]).is_err());
        assert!(Prefixes::from_items([]).is_err());
    }

    proptest! {
        #[test]
        fn parsing_is_total_and_survives_text(text in "[0-9a-f:./]{0,40}") {
            if let Ok(prefix) = text.parse::<Prefix>() {
                prop_assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), prefix);
            }
        }

        #[test]
        fn different_subnets_never_overlap(a in 0u128..4096, b in 0u128..4096) {
            let cluster = p("10.64.0.0/12");
            let (x, y) = (cluster.subnet(24, a).unwrap(), cluster.subnet(24, b).unwrap());
            prop_assert_eq!(x.overlaps(&y), a == b);
            prop_assert!(cluster.covers(&x));
        }
    }
}
