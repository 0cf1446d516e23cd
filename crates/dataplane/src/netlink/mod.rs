//! A small synchronous netlink client.
//!
//! A socket belongs to the network namespace of the thread that opened it, for good: a
//! handle opened inside a container works there from any thread.

mod address;
mod attribute;
mod channel;
mod conntrack;
mod generic;
mod link;
mod monitor;
mod netconf;
mod nftables;
mod route;

pub(crate) use address::{add_address, remove_address};
pub(crate) use channel::{Channel, Request};
pub(crate) use conntrack::Conntrack;
pub(crate) use generic::Generic;
pub(crate) use link::{
    Kind, LinkInfo, christen, create_wireguard, delete, lower_noise, set_alias, set_mtu, up,
};
pub(crate) use monitor::{Heard, Monitor};
pub(crate) use route::{KernelRoute, KernelTarget, RouteKind};

use crate::error::{Doing, Error};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use std::io;

/// Links, addresses and routes of one network namespace.
#[derive(Debug)]
pub(crate) struct Netlink(Channel);

/// A request to change something.
pub(crate) type RouteRequest = Request<RouteNetlinkMessage>;

impl Netlink {
    /// Opens the namespace of the calling thread.
    pub(crate) fn open() -> Result<Self, Error> {
        Channel::open(NETLINK_ROUTE).map(Self).doing(|| "open a netlink socket".to_owned())
    }

    /// One change.
    pub(crate) fn request(&self, request: RouteRequest) -> io::Result<()> {
        self.0.batch(&[request])?.pop().unwrap_or(Ok(()))
    }

    /// One change; some refusals are success.
    pub(crate) fn request_unless(&self, request: RouteRequest, fine: &[i32]) -> io::Result<()> {
        unless(self.request(request), fine)
    }

    /// Many changes, each with its own outcome, in order. All are tried.
    pub(crate) fn batch(&self, requests: &[RouteRequest]) -> io::Result<Vec<io::Result<()>>> {
        self.0.batch(requests)
    }
}

/// Takes some errors for success: there already, or gone already.
pub(crate) fn unless(outcome: io::Result<()>, fine: &[i32]) -> io::Result<()> {
    match outcome {
        Err(e) if e.raw_os_error().is_some_and(|errno| fine.contains(&errno)) => Ok(()),
        other => other,
    }
}
