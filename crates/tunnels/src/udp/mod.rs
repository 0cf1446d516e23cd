//! The UDP side of a device: one dual-stack socket, datagrams in bursts.

mod receive;
mod send;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use gotatun::udp::socket::{SockOpt, UdpSocket};
use gotatun::udp::{UdpTransportFactory, UdpTransportFactoryParams};
use nix::sys::socket::{setsockopt, sockopt};

pub(crate) use receive::UdpReceiver;
pub(crate) use send::UdpSender;

/// A burst of 10 Gbit/s for some milliseconds, in either direction.
const SOCKET_BUFFER: usize = 7 << 20;

/// Binds the sockets of one device, one after another.
pub(crate) struct UdpFactory {
    binding: Arc<Binding>,
    /// The last one. `gotatun` binds anew for each new key while it may still hold the old
    /// socket, so the same port again is the same socket.
    socket: Option<UdpSocket>,
}

/// How the last attempt to bind went: `gotatun` reports a port that is taken as an invalid
/// argument and is left without a socket.
#[derive(Default)]
pub(crate) struct Binding {
    failed: AtomicBool,
    port: AtomicU16,
}

impl Binding {
    /// Whether the last attempt failed.
    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The port of the last success; 0 before.
    pub(crate) fn port(&self) -> u16 {
        self.port.load(Ordering::Acquire)
    }
}

impl UdpFactory {
    pub(crate) fn new() -> (Self, Arc<Binding>) {
        let binding = Arc::new(Binding::default());
        (Self { binding: Arc::clone(&binding), socket: None }, binding)
    }

    fn socket(&mut self, params: &UdpTransportFactoryParams) -> io::Result<(u16, UdpSocket)> {
        let port = self.binding.port();
        if let Some(socket) = self.socket.as_ref().filter(|_| port != 0 && port == params.port) {
            setsockopt(socket, sockopt::Mark, &params.fwmark.unwrap_or(0))?;
            return Ok((port, socket.clone()));
        }
        let socket = bind(params)?;
        let port = socket.local_addr()?.port();
        self.socket = Some(socket.clone());
        Ok((port, socket))
    }
}

impl UdpTransportFactory for UdpFactory {
    type Send = UdpSender;
    type Recv = UdpReceiver;

    async fn bind(
        &mut self,
        params: &UdpTransportFactoryParams,
    ) -> io::Result<(UdpSender, UdpReceiver)> {
        let bound = self.socket(params);
        self.binding.failed.store(bound.is_err(), Ordering::Release);
        let (port, socket) = bound?;
        self.binding.port.store(port, Ordering::Release);
        Ok((UdpSender::new(socket.clone()), UdpReceiver::new(socket)))
    }
}

fn bind(params: &UdpTransportFactoryParams) -> io::Result<UdpSocket> {
    let open = |address: IpAddr| {
        let options = SockOpt {
            fwmark: params.fwmark,
            only_v6: address.is_ipv6().then_some(false),
            ..SockOpt::default()
        };
        UdpSocket::bind(SocketAddr::new(address, params.port), options)
    };
    let v6 = open(params.addr.unwrap_or(Ipv6Addr::UNSPECIFIED.into()));
    let socket = match v6 {
        Err(e) if has_no_v6(&e) => open(Ipv4Addr::UNSPECIFIED.into())?,
        other => other?,
    };
    // Without the privilege to exceed the system's limit, and without GRO, it is slower only.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER);
    let _ = setsockopt(&socket, sockopt::SndBufForce, &SOCKET_BUFFER);
    let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
    Ok(socket)
}

fn has_no_v6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}
