//! Routes in the main table.

use super::{Netlink, RouteRequest};
use ipnetwork::IpNetwork;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A route as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelRoute {
    pub(crate) destination: IpNetwork,
    pub(crate) metric: u32,
    pub(crate) target: KernelTarget,
    pub(crate) protocol: u8,
}

/// Where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KernelTarget {
    /// Out of a link, without a gateway.
    Link {
        index: u32,
        source: Option<IpAddr>,
    },
    Unreachable,
    /// Something that this crate never makes, perhaps out of a link.
    Other(Option<u32>),
}

/// What an addition does when there is such a route already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteKind {
    /// It is refused.
    New,
    /// It takes its place.
    Replace,
}

/// Of routes that a router advertisement brought.
const RTPROT_RA: u8 = 9;

impl Netlink {
    /// The routes in the main table with a protocol number.
    pub(crate) fn routes(&self, protocol: u8) -> io::Result<Vec<KernelRoute>> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            message.header.protocol = RouteProtocol::from(protocol);
            let all = match self.0.dump(&RouteNetlinkMessage::GetRoute(message)) {
                Err(error) if is_unsupported(&error) => continue,
                other => other?,
            };
            routes.extend(all.into_iter().filter_map(|message| parse(message, family)));
        }
        routes.retain(|route| route.protocol == protocol);
        Ok(routes)
    }

    /// Whether what comes for an address is delivered here.
    pub(crate) fn is_local(&self, address: Ipv6Addr) -> io::Result<bool> {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet6;
        message.header.destination_prefix_length = 128;
        message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet6(address)));
        let found = self.0.get(RouteNetlinkMessage::GetRoute(message))?;
        Ok(found.iter().any(|message| {
            matches!(message, RouteNetlinkMessage::NewRoute(route)
                if route.header.kind == RouteType::Local)
        }))
    }

    /// Indices of links with routes from a router advertisement.
    pub(crate) fn advertised(&self) -> io::Result<Vec<u32>> {
        let routes = self.routes(RTPROT_RA)?;
        Ok(routes.into_iter().filter_map(|route| route.target.index()).collect())
    }
}

impl KernelTarget {
    fn index(&self) -> Option<u32> {
        match self {
            Self::Link { index, .. } => Some(*index),
            Self::Unreachable => None,
            Self::Other(index) => *index,
        }
    }
}

/// A family that the kernel lacks has no routes.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP | libc::ENOENT))
}

#[derive(Default)]
struct Attributes {
    destination: Option<IpAddr>,
    metric: u32,
    table: Option<u32>,
    index: Option<u32>,
    source: Option<IpAddr>,
    foreign: bool,
}

fn parse(message: RouteNetlinkMessage, family: AddressFamily) -> Option<KernelRoute> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = message.header;
    let attributes = attributes(message.attributes);
    let table = attributes.table.unwrap_or_else(|| header.table.into());
    if header.address_family != family || table != u32::from(RouteHeader::RT_TABLE_MAIN) {
        return None;
    }
    let any = match family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let destination = attributes.destination.unwrap_or(any);
    let target = match (header.kind, attributes.index) {
        _ if attributes.foreign => KernelTarget::Other(attributes.index),
        (RouteType::Unreachable, _) => KernelTarget::Unreachable,
        (RouteType::Unicast, Some(index)) => {
            KernelTarget::Link { index, source: attributes.source }
        }
        (_, index) => KernelTarget::Other(index),
    };
    Some(KernelRoute {
        destination: IpNetwork::new(destination, header.destination_prefix_length).ok()?,
        metric: attributes.metric,
        target,
        protocol: header.protocol.into(),
    })
}

fn attributes(list: Vec<RouteAttribute>) -> Attributes {
    let mut found = Attributes::default();
    for attribute in list {
        match attribute {
            RouteAttribute::Destination(address) => found.destination = ip(&address),
            RouteAttribute::Priority(metric) => found.metric = metric,
            RouteAttribute::Table(table) => found.table = Some(table),
            RouteAttribute::Oif(index) => found.index = Some(index),
            RouteAttribute::PrefSource(address) => found.source = ip(&address),
            RouteAttribute::Gateway(_)
            | RouteAttribute::Via(_)
            | RouteAttribute::MultiPath(_)
            | RouteAttribute::NhId(_)
            | RouteAttribute::Encap(_) => found.foreign = true,
            _ => {}
        }
    }
    found
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(a) => Some((*a).into()),
        RouteAddress::Inet6(a) => Some((*a).into()),
        _ => None,
    }
}

impl KernelRoute {
    /// The request that makes it.
    pub(crate) fn add(&self, kind: RouteKind) -> RouteRequest {
        let flags = NLM_F_CREATE
            | match kind {
                RouteKind::New => NLM_F_EXCL,
                RouteKind::Replace => NLM_F_REPLACE,
            };
        RouteRequest { message: RouteNetlinkMessage::NewRoute(self.message()), flags }
    }

    /// The request that removes it, and no other.
    pub(crate) fn remove(&self) -> RouteRequest {
        RouteRequest { message: RouteNetlinkMessage::DelRoute(self.message()), flags: 0 }
    }

    fn message(&self) -> RouteMessage {
        let mut message = RouteMessage::default();
        let v4 = self.destination.is_ipv4();
        let header = &mut message.header;
        header.address_family = if v4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
        header.destination_prefix_length = self.destination.prefix();
        header.table = RouteHeader::RT_TABLE_MAIN;
        header.protocol = RouteProtocol::from(self.protocol);
        header.kind = RouteType::Unicast;
        message.attributes = vec![
            RouteAttribute::Destination(self.destination.network().into()),
            RouteAttribute::Priority(self.metric),
        ];
        match &self.target {
            KernelTarget::Link { index, source } => {
                header.scope = if v4 { RouteScope::Link } else { RouteScope::Universe };
                message.attributes.push(RouteAttribute::Oif(*index));
                message.attributes.extend(source.map(|s| RouteAttribute::PrefSource(s.into())));
            }
            KernelTarget::Unreachable => header.kind = RouteType::Unreachable,
            // Only ever removed: by destination, metric and protocol.
            KernelTarget::Other(_) => {
                header.kind = RouteType::Unspec;
                header.scope = RouteScope::NoWhere;
            }
        }
        message
    }
}
