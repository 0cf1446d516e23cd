//! Addresses of links.

use super::{Netlink, RouteRequest};
use ipnetwork::IpNetwork;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use std::collections::BTreeSet;
use std::io;

impl Netlink {
    /// The addresses of a link, link-local ones aside: those come and go by themselves.
    pub(crate) fn addresses(&self, index: u32) -> io::Result<BTreeSet<IpNetwork>> {
        let mut message = AddressMessage::default();
        message.header.index = index;
        let all = self.0.dump(&RouteNetlinkMessage::GetAddress(message))?;
        Ok(all.into_iter().filter_map(|message| parse(message, index)).collect())
    }
}

fn parse(message: RouteNetlinkMessage, index: u32) -> Option<IpNetwork> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    let header = &message.header;
    if header.index != index || header.scope == AddressScope::Link {
        return None;
    }
    // IPv4: LOCAL is the own address, ADDRESS that of the other end, if that is another one.
    let find = |local: bool| {
        message.attributes.iter().find_map(|a| match a {
            AddressAttribute::Local(address) if local => Some(*address),
            AddressAttribute::Address(address) if !local => Some(*address),
            _ => None,
        })
    };
    let address = find(true).or_else(|| find(false))?;
    IpNetwork::new(address, header.prefix_len).ok()
}

fn message(index: u32, address: IpNetwork) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = address.prefix();
    message.header.family = match address {
        IpNetwork::V4(_) => AddressFamily::Inet,
        IpNetwork::V6(_) => AddressFamily::Inet6,
    };
    message.attributes.push(AddressAttribute::Local(address.ip()));
    message.attributes.push(AddressAttribute::Address(address.ip()));
    message
}

/// A link gets an address, usable at once.
pub(crate) fn add_address(index: u32, address: IpNetwork) -> RouteRequest {
    let mut message = message(index, address);
    if address.is_ipv6() {
        // Nobody else can have it, so nobody needs to be asked.
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    let message = RouteNetlinkMessage::NewAddress(message);
    RouteRequest { message, flags: NLM_F_CREATE | NLM_F_EXCL }
}

/// A link loses an address.
pub(crate) fn remove_address(index: u32, address: IpNetwork) -> RouteRequest {
    let message = RouteNetlinkMessage::DelAddress(message(index, address));
    RouteRequest { message, flags: 0 }
}
