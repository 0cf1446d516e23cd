//! Notifications about our own objects.

use crate::error::{Doing, Error};
use crate::netlink::{Heard, Monitor, Netlink, about};
use crate::parts::Parts;
use crate::state::LinkName;
use std::time::{Duration, Instant};

/// Tells when something of ours changes in the kernel. Hears our own changes too.
#[derive(Debug)]
pub struct Watch {
    monitor: Monitor,
    netlink: Netlink,
}

impl Watch {
    /// Watches the namespace of the calling thread.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open() -> Result<Self, Error> {
        let monitor = Monitor::open().doing(|| "watch the kernel".to_owned())?;
        Ok(Self { monitor, netlink: Netlink::open()? })
    }

    /// Blocks until links, addresses or routes of ours change, at most for `timeout`;
    /// returns the parts to look at, none when the time is up.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn wait(&self, timeout: Duration) -> Result<Parts, Error> {
        let end = Instant::now() + timeout;
        let mut parts = Parts::NONE;
        while parts.is_empty() && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            let heard = self.monitor.wait(left).doing(|| "watch the kernel".to_owned())?;
            parts = self.about(&heard);
        }
        Ok(parts)
    }

    fn about(&self, heard: &Heard) -> Parts {
        match heard {
            Heard::Overrun => Parts::ALL,
            Heard::Messages(list) => {
                let parts = list.iter().map(|message| about(message, |index| self.ours(index)));
                parts.fold(Parts::NONE, |all, part| all | part)
            }
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
