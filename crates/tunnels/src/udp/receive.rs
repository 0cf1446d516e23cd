//! Receives bursts of datagrams in one call each (UDP GRO).

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use bytes::BytesMut;
use gotatun::packet::{Packet, PacketBufPool};
use gotatun::udp::UdpRecv;
use gotatun::udp::socket::UdpSocket;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use tokio::io::Interest;

/// The most that one call yields.
const MAX_BYTES: usize = 65_536;

/// Packets are cut out of pieces of memory of this size, uncopied.
const CHUNK: usize = 4 * MAX_BYTES;

/// Calls per wake-up: enough for bursts, few enough to let others run.
const CALLS: usize = 8;

/// The receiving half of a device's socket.
pub(crate) struct UdpReceiver {
    socket: UdpSocket,
}

/// What is read into, kept between calls; no memory before the first datagram.
pub(crate) struct Buffer {
    chunk: BytesMut,
    control: Vec<u8>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { chunk: BytesMut::new(), control: nix::cmsg_space!(i32) }
    }
}

/// Datagrams of one sender, end to end.
struct Burst {
    bytes: BytesMut,
    /// Length of each but the last.
    size: usize,
    source: SocketAddr,
}

impl UdpReceiver {
    pub(super) fn new(socket: UdpSocket) -> Self {
        Self { socket }
    }
}

impl Buffer {
    fn receive(&mut self, fd: RawFd) -> io::Result<Option<Burst>> {
        if self.chunk.len() < MAX_BYTES {
            self.chunk = BytesMut::zeroed(CHUNK);
        }
        let mut slices = [IoSliceMut::new(&mut self.chunk[..MAX_BYTES])];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut self.control), flags)?;
        let size = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::UdpGroSegments(size) => usize::try_from(size).ok(),
            _ => None,
        });
        let (len, source) = (message.bytes, message.address.and_then(unmapped));
        let size = size.filter(|&size| size > 0).unwrap_or(len);
        let bytes = self.chunk.split_to(len);
        Ok(source.map(|source| Burst { bytes, size, source }))
    }
}

impl Burst {
    fn cut(mut self, packets: &mut Vec<(Packet, SocketAddr)>) {
        while !self.bytes.is_empty() {
            let datagram = self.bytes.split_to(self.size.min(self.bytes.len()));
            packets.push((Packet::from_bytes(datagram), self.source));
        }
    }
}

/// The sender; an IPv4 one comes mapped on a dual-stack socket.
fn unmapped(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|&a| SocketAddr::V4(a.into()));
    let v6 = || address.as_sockaddr_in6().map(|&a| SocketAddr::V6(a.into()));
    let mut source = v4.or_else(v6)?;
    source.set_ip(source.ip().to_canonical());
    Some(source)
}

impl UdpRecv for UdpReceiver {
    type RecvManyBuf = Buffer;

    async fn recv_from(&mut self, pool: &mut PacketBufPool) -> io::Result<(Packet, SocketAddr)> {
        let (mut buffer, mut packets) = (Buffer::default(), Vec::new());
        while packets.is_empty() {
            self.recv_many_from(&mut buffer, pool, &mut packets).await?;
        }
        Ok(packets.swap_remove(0))
    }

    async fn recv_many_from(
        &mut self,
        buffer: &mut Buffer,
        // The pool never shrinks: what comes from it would stay with an idle device.
        _pool: &mut PacketBufPool,
        packets: &mut Vec<(Packet, SocketAddr)>,
    ) -> io::Result<()> {
        let socket = self.socket.socket();
        let receive = || {
            for call in 0..CALLS {
                match buffer.receive(socket.as_raw_fd()) {
                    Ok(burst) => burst.into_iter().for_each(|burst| burst.cut(packets)),
                    Err(_) if call > 0 => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        // An error would end the device for good; none of a socket's is a reason for that.
        if let Err(error) = socket.async_io(Interest::READABLE, receive).await {
            tracing::debug!(%error, "receive datagrams");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}
