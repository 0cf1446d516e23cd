//! Notifications about changes.

use super::channel::for_each;
use super::{netconf, nftables};
use crate::parts::Parts;
use crate::state::{LinkName, PROTOCOL};
use netlink_packet_core::{NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkAttribute;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::time::{TimeVal, TimeValLike};
use std::io;
use std::time::Duration;

/// Multicast groups (`rtnetlink.h`): links, IPv4 and IPv6 addresses, IPv4 and IPv6 routes,
/// IPv4 and IPv6 settings.
const ROUTE_GROUPS: [u32; 7] = [1, 5, 9, 7, 11, 24, 25];

/// The group of nftables (`nfnetlink.h`).
const NFTABLES_GROUP: u32 = 7;

const DATAGRAM: usize = 64 * 1024;

/// A socket that hears what changes in the namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Monitor {
    socket: Socket,
    source: Source,
}

/// What it hears of.
#[derive(Debug, Clone, Copy)]
enum Source {
    Route,
    Nftables,
}

/// What was heard.
pub(crate) enum Heard {
    /// Nothing.
    Nothing,
    /// So much that some was lost.
    Overrun,
    /// These messages.
    Messages(Messages),
}

/// A datagram of messages.
pub(crate) struct Messages {
    source: Source,
    bytes: Vec<u8>,
}

impl Monitor {
    /// Hears of links, addresses, routes and settings.
    pub(crate) fn route() -> io::Result<Self> {
        Self::open(NETLINK_ROUTE, Source::Route, &ROUTE_GROUPS)
    }

    /// Hears of rules over nftables.
    pub(crate) fn nftables() -> io::Result<Self> {
        Self::open(NETLINK_NETFILTER, Source::Nftables, &[NFTABLES_GROUP])
    }

    fn open(protocol: isize, source: Source, groups: &[u32]) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in groups {
            socket.add_membership(*group)?;
        }
        Ok(Self { socket, source })
    }

    /// Waits for one datagram; a timeout of 0 does not wait.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<Heard> {
        let flags = if timeout.is_zero() { libc::MSG_DONTWAIT } else { 0 };
        // A receive timeout of 0 would be none.
        let timeout = timeout.max(Duration::from_millis(1));
        setsockopt(&self.socket, ReceiveTimeout, &timeval(timeout))?;
        let mut bytes = Vec::with_capacity(DATAGRAM);
        match self.socket.recv(&mut bytes, flags).map_err(|e| (e.raw_os_error(), e)) {
            Err((Some(libc::EAGAIN | libc::EINTR), _)) => Ok(Heard::Nothing),
            Err((Some(libc::ENOBUFS), _)) => Ok(Heard::Overrun),
            Err((_, error)) => Err(error),
            Ok(_) => Ok(Heard::Messages(Messages { source: self.source, bytes })),
        }
    }

    /// All that may have changed when some of it was lost.
    pub(crate) fn everything(&self) -> Parts {
        match self.source {
            Source::Route => Parts::ALL.without(Parts::FIREWALL),
            Source::Nftables => Parts::FIREWALL,
        }
    }
}

fn timeval(duration: Duration) -> TimeVal {
    TimeVal::milliseconds(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

impl Messages {
    /// Which parts of our state they may be about; `ours` tells which link of ours has an
    /// index.
    pub(crate) fn parts(&self, ours: impl Fn(u32) -> Option<LinkName>) -> Parts {
        let mut parts = Parts::NONE;
        for_each(&self.bytes, |header, bytes| {
            parts |= match self.source {
                Source::Nftables if nftables::is_ours(header.message_type, bytes) => {
                    Parts::FIREWALL
                }
                Source::Nftables => Parts::NONE,
                Source::Route => route(&header, bytes, &ours),
            };
        });
        parts
    }
}

fn route(header: &NetlinkHeader, bytes: &[u8], ours: &impl Fn(u32) -> Option<LinkName>) -> Parts {
    if header.message_type == netconf::NEW {
        let is_ours = netconf::index(bytes).is_some_and(|index| match u32::try_from(index) {
            Ok(index) => ours(index).is_some(),
            Err(_) => index == netconf::ALL,
        });
        return if is_ours { Parts::SYSCTLS } else { Parts::NONE };
    }
    match NetlinkMessage::deserialize(bytes) {
        Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(message), .. }) => {
            about(&message, ours)
        }
        _ => Parts::NONE,
    }
}

fn about(message: &RouteNetlinkMessage, ours: &impl Fn(u32) -> Option<LinkName>) -> Parts {
    match message {
        RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link) => {
            let names = link.attributes.iter().filter_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => {
                    LinkName::ALL.into_iter().find(|l| l.as_str() == name)
                }
                _ => None,
            });
            // With a link, its routes and settings go.
            let hanging = Parts::ROUTES | Parts::SYSCTLS;
            names.fold(Parts::NONE, |parts, link| parts | link.part() | hanging)
        }
        // With an address, the routes that speak from it go.
        RouteNetlinkMessage::NewAddress(address) | RouteNetlinkMessage::DelAddress(address) => {
            ours(address.header.index).map_or(Parts::NONE, |link| link.part() | Parts::ROUTES)
        }
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route)
            if u8::from(route.header.protocol) == PROTOCOL =>
        {
            Parts::ROUTES
        }
        _ => Parts::NONE,
    }
}
