//! The datagram that makes a new interface handshake at once.

use crate::error::{Doing, Error};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::BindToDevice;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use wgcni_model::IfName;

/// All hosts of the link: needs no route, and whoever gets it never forwards it.
const ALL_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1));
const ALL_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));

/// The discard service (RFC 863).
const DISCARD: u16 = 9;

/// A socket in the container.
pub(super) struct Wake {
    socket: UdpSocket,
    to: IpAddr,
}

impl Wake {
    /// Opens it in the namespace of the calling thread.
    pub(super) fn open(v4: bool) -> Result<Self, Error> {
        let (any, to) = if v4 {
            (IpAddr::V4(Ipv4Addr::UNSPECIFIED), ALL_V4)
        } else {
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), ALL_V6)
        };
        let socket = UdpSocket::bind((any, 0)).doing(|| "open a UDP socket".to_owned())?;
        Ok(Self { socket, to })
    }

    /// Sends one byte out of the interface. Should it fail, the next keepalive does it.
    pub(super) fn send(&self, ifname: &IfName) {
        let device = ifname.as_str().into();
        let bound = setsockopt(&self.socket, BindToDevice, &device);
        if let Err(error) = bound.map_err(Into::into).and_then(|()| self.one()) {
            tracing::debug!(%error, %ifname, "no datagram to wake the hub");
        }
    }

    fn one(&self) -> std::io::Result<()> {
        // Not to the container itself.
        match self.to {
            IpAddr::V4(_) => self.socket.set_multicast_loop_v4(false)?,
            IpAddr::V6(_) => self.socket.set_multicast_loop_v6(false)?,
        }
        self.socket.send_to(&[0], (self.to, DISCARD)).map(drop)
    }
}
