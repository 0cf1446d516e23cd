//! Notifications about our own objects.

use crate::error::{Doing, Error};
use crate::netlink::{Heard, Monitor, Netlink};
use crate::parts::Parts;
use crate::state::LinkName;
use std::io;
use std::time::{Duration, Instant};

/// Most datagrams that are read without waiting: more than a socket's buffer holds, so that
/// a flood ends in one look and not in one for each message.
const FLOOD: usize = 10_000;

/// Tells when something of ours changes in the kernel. Hears our own changes too.
#[derive(Debug)]
pub struct Watch {
    monitor: Monitor,
    netlink: Netlink,
}

impl Watch {
    /// Watches links, addresses, routes, forwarding and source validation in the namespace
    /// of the calling thread.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open() -> Result<Self, Error> {
        Self::of(Monitor::route())
    }

    /// Watches the firewall in the namespace of the calling thread, as far as it is kept by
    /// nftables: the iptables before it tells nobody.
    ///
    /// # Errors
    /// No netlink socket, or a kernel without nftables.
    pub fn firewall() -> Result<Self, Error> {
        Self::of(Monitor::nftables())
    }

    fn of(monitor: io::Result<Monitor>) -> Result<Self, Error> {
        let monitor = monitor.doing(|| "watch the kernel".to_owned())?;
        Ok(Self { monitor, netlink: Netlink::open()? })
    }

    /// Blocks until something of ours changes, at most for `timeout`; returns the parts to
    /// look at, none when the time is up.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn wait(&self, timeout: Duration) -> Result<Parts, Error> {
        let end = Instant::now() + timeout;
        let mut parts = Parts::NONE;
        while parts.is_empty() && Instant::now() < end {
            parts = self.about(&self.hear(end.saturating_duration_since(Instant::now()))?);
        }
        Ok(parts)
    }

    /// What has changed up to now.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn drain(&self) -> Result<Parts, Error> {
        let mut parts = Parts::NONE;
        for _ in 0..FLOOD {
            match self.hear(Duration::ZERO)? {
                Heard::Nothing => break,
                heard => parts |= self.about(&heard),
            }
        }
        Ok(parts)
    }

    fn hear(&self, timeout: Duration) -> Result<Heard, Error> {
        self.monitor.wait(timeout).doing(|| "watch the kernel".to_owned())
    }

    fn about(&self, heard: &Heard) -> Parts {
        match heard {
            Heard::Nothing => Parts::NONE,
            Heard::Overrun => self.monitor.everything(),
            Heard::Messages(messages) => messages.parts(|index| self.ours(index)),
        }
    }

    /// An address names its link by number only. When that has gone, its own message tells.
    fn ours(&self, index: u32) -> Option<LinkName> {
        LinkName::ALL.into_iter().find(|name| {
            let link = self.netlink.link(name.as_str());
            link.is_ok_and(|link| link.is_some_and(|link| link.index == index))
        })
    }
}
