//! Notifications about our own objects.

use crate::error::{Doing, Error};
use crate::netlink::{Heard, Monitor, about};
use crate::parts::Parts;
use std::time::Duration;

/// Tells when something of ours changes in the kernel. Hears our own changes too.
#[derive(Debug)]
pub struct Watch(Monitor);

impl Watch {
    /// Watches the namespace of the calling thread.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open() -> Result<Self, Error> {
        Monitor::open().map(Self).doing(|| "watch the kernel".to_owned())
    }

    /// Blocks until links, addresses or routes of ours change, at most for `timeout`;
    /// returns the parts to look at, none when the time is up or others changed something.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn wait(&self, timeout: Duration) -> Result<Parts, Error> {
        match self.0.wait(timeout).doing(|| "watch the kernel".to_owned())? {
            Heard::Overrun => Ok(Parts::ALL),
            Heard::Messages(list) => Ok(list.iter().fold(Parts::NONE, |all, m| all | about(m))),
        }
    }
}
