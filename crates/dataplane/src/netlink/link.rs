//! Links.

use super::{Netlink, RouteRequest};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoKind, LinkAttribute, LinkFlags,
    LinkInfo as Info, LinkMessage,
};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What the kernel tells about a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkInfo {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) kind: Kind,
}

/// What runs a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Wireguard,
    Tun,
    Other,
}

impl LinkInfo {
    /// Whether its alias starts so.
    pub(crate) fn is_marked(&self, prefix: &str) -> bool {
        self.alias.as_deref().is_some_and(|alias| alias.starts_with(prefix))
    }
}

impl Netlink {
    /// The link of a name, if there is one.
    pub(crate) fn link(&self, name: &str) -> io::Result<Option<LinkInfo>> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.0.get(RouteNetlinkMessage::GetLink(message)) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            other => Ok(other?.into_iter().find_map(parse)),
        }
    }

    /// All links.
    pub(crate) fn links(&self) -> io::Result<Vec<LinkInfo>> {
        let all = self.0.dump(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        Ok(all.into_iter().filter_map(parse).collect())
    }
}

fn parse(message: RouteNetlinkMessage) -> Option<LinkInfo> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let mut link = LinkInfo {
        index: message.header.index,
        name: String::new(),
        alias: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        kind: Kind::Other,
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::LinkInfo(infos) => link.kind = kind(&infos),
            _ => {}
        }
    }
    Some(link)
}

fn kind(infos: &[Info]) -> Kind {
    let kinds = infos.iter().find_map(|info| match info {
        Info::Kind(InfoKind::Wireguard) => Some(Kind::Wireguard),
        Info::Kind(InfoKind::Tun) => Some(Kind::Tun),
        _ => None,
    });
    kinds.unwrap_or(Kind::Other)
}

fn set(index: u32, attributes: Vec<LinkAttribute>) -> RouteRequest {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = attributes;
    RouteRequest { message: RouteNetlinkMessage::SetLink(message), flags: 0 }
}

/// A new kernel WireGuard link, down, in the namespace of the socket that this is sent on or in
/// another one. Its own UDP socket is in the former (`creating_net` in the kernel's
/// drivers/net/wireguard/device.c).
pub(crate) fn create_wireguard(name: &str, namespace: Option<BorrowedFd<'_>>) -> RouteRequest {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::LinkInfo(vec![Info::Kind(InfoKind::Wireguard)]),
    ];
    let namespace = namespace.map(|namespace| LinkAttribute::NetNsFd(namespace.as_raw_fd()));
    message.attributes.extend(namespace);
    let message = RouteNetlinkMessage::NewLink(message);
    RouteRequest { message, flags: NLM_F_CREATE | NLM_F_EXCL }
}

/// A link goes, and all that hangs on it.
pub(crate) fn delete(index: u32) -> RouteRequest {
    let mut message = LinkMessage::default();
    message.header.index = index;
    RouteRequest { message: RouteNetlinkMessage::DelLink(message), flags: 0 }
}

/// A link gets an alias. By name: its index is not known yet where both are one datagram.
pub(crate) fn set_alias(name: &str, alias: &str) -> RouteRequest {
    let name = LinkAttribute::IfName(name.to_owned());
    set(0, vec![name, LinkAttribute::IfAlias(alias.to_owned())])
}

/// A link gets the name by which it is known, its alias and an MTU.
pub(crate) fn christen(index: u32, name: &str, alias: &str, mtu: u32) -> RouteRequest {
    let attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::IfAlias(alias.to_owned()),
        LinkAttribute::Mtu(mtu),
    ];
    set(index, attributes)
}

/// A link gets an MTU.
pub(crate) fn set_mtu(index: u32, mtu: u32) -> RouteRequest {
    set(index, vec![LinkAttribute::Mtu(mtu)])
}

/// A link goes up.
pub(crate) fn up(index: u32) -> RouteRequest {
    let mut request = set(index, Vec::new());
    if let RouteNetlinkMessage::SetLink(message) = &mut request.message {
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
    }
    request
}

/// A link makes no link-local address of its own: nobody would answer to it, and router
/// solicitations would only wake the tunnel. Refused where there is no IPv6.
pub(crate) fn lower_noise(name: &str) -> RouteRequest {
    let none = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
    let none = LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![none])]);
    set(0, vec![LinkAttribute::IfName(name.to_owned()), none])
}
