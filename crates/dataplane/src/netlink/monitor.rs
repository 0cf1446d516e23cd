//! Notifications about changes.

use super::channel::for_each;
use crate::parts::Parts;
use crate::state::{LinkName, PROTOCOL};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkAttribute;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::time::{TimeVal, TimeValLike};
use std::io;
use std::time::Duration;

/// Multicast groups (`rtnetlink.h`): links, IPv4 and IPv6 addresses, IPv4 and IPv6 routes.
const GROUPS: [u32; 5] = [1, 5, 9, 7, 11];

const DATAGRAM: usize = 64 * 1024;

/// A socket that hears what changes in the namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Monitor(Socket);

/// What was heard.
pub(crate) enum Heard {
    /// These messages, perhaps none.
    Messages(Vec<RouteNetlinkMessage>),
    /// So much that some was lost.
    Overrun,
}

impl Monitor {
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        Ok(Self(socket))
    }

    /// Waits for one datagram.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<Heard> {
        // A timeout of 0 would be none.
        let timeout = timeout.max(Duration::from_millis(1));
        setsockopt(&self.0, ReceiveTimeout, &timeval(timeout))?;
        let mut buffer = Vec::with_capacity(DATAGRAM);
        match self.0.recv(&mut buffer, 0).map_err(|e| (e.raw_os_error(), e)) {
            Err((Some(libc::EAGAIN | libc::EINTR), _)) => return Ok(Heard::Messages(Vec::new())),
            Err((Some(libc::ENOBUFS), _)) => return Ok(Heard::Overrun),
            Err((_, error)) => return Err(error),
            Ok(_) => {}
        }
        let mut messages = Vec::new();
        for_each(&buffer, |_, bytes| {
            if let Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(message), .. }) =
                NetlinkMessage::deserialize(bytes)
            {
                messages.push(message);
            }
        });
        Ok(Heard::Messages(messages))
    }
}

fn timeval(duration: Duration) -> TimeVal {
    TimeVal::milliseconds(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Which parts of our state a notification may be about; `ours` tells which link of ours
/// has an index.
pub(crate) fn about(
    message: &RouteNetlinkMessage,
    ours: impl Fn(u32) -> Option<LinkName>,
) -> Parts {
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
        RouteNetlinkMessage::NewAddress(address) | RouteNetlinkMessage::DelAddress(address) => {
            ours(address.header.index).map_or(Parts::NONE, LinkName::part)
        }
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route)
            if u8::from(route.header.protocol) == PROTOCOL =>
        {
            Parts::ROUTES
        }
        _ => Parts::NONE,
    }
}
