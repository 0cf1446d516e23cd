//! Sends bursts of equal datagrams in one call each (UDP GSO).

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use gotatun::packet::Packet;
use gotatun::udp::UdpSend;
use gotatun::udp::socket::UdpSocket;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg, setsockopt, sockopt};
use tokio::io::Interest;

/// Datagrams that `gotatun` may hand over at once.
const BATCH: usize = 128;

/// Most segments of one call (`UDP_MAX_SEGMENTS` of older kernels).
const MAX_SEGMENTS: usize = 64;

/// Most bytes of one call: a datagram's, less the headers that the kernel adds.
const MAX_BYTES: usize = 65_535 - 40 - 8;

/// The sending half of a device's socket.
#[derive(Clone)]
pub(crate) struct UdpSender {
    socket: UdpSocket,
}

impl UdpSender {
    pub(super) fn new(socket: UdpSocket) -> Self {
        Self { socket }
    }

    /// Sends a burst that [`burst_len`] has found to be one.
    async fn send_burst(&self, burst: &[(Packet, SocketAddr)]) {
        let Err(error) = self.try_burst(burst).await else {
            return;
        };
        // No offload on the way, or longer than the path's MTU: then each on its own.
        let too_much = [libc::EIO, libc::EINVAL, libc::EMSGSIZE];
        if burst.len() > 1 && error.raw_os_error().is_some_and(|e| too_much.contains(&e)) {
            for datagram in burst.chunks(1) {
                let _ = self.try_burst(datagram).await;
            }
        } else {
            tracing::trace!(%error, count = burst.len(), "datagrams lost");
        }
    }

    async fn try_burst(&self, burst: &[(Packet, SocketAddr)]) -> io::Result<()> {
        let [(first, destination), ..] = burst else {
            return Ok(());
        };
        let to = SockaddrStorage::from(*destination);
        let mut pieces = [IoSlice::new(&[]); MAX_SEGMENTS];
        for (piece, (packet, _)) in pieces.iter_mut().zip(burst) {
            *piece = IoSlice::new(packet);
        }
        let size = u16::try_from(first.len()).unwrap_or(u16::MAX);
        let segments = [ControlMessage::UdpGsoSegments(&size)];
        let control = if burst.len() > 1 { &segments[..] } else { &[] };
        let socket = self.socket.socket();
        let send = || {
            let pieces = &pieces[..burst.len()];
            let flags = MsgFlags::MSG_DONTWAIT;
            sendmsg(socket.as_raw_fd(), pieces, control, flags, Some(&to))?;
            Ok(())
        };
        socket.async_io(Interest::WRITABLE, send).await
    }
}

/// How many from the start may travel as one burst: same destination, same length (the last may
/// be shorter).
fn burst_len(packets: &[(Packet, SocketAddr)]) -> usize {
    let [(first, destination), rest @ ..] = packets else {
        return 0;
    };
    let size = first.len();
    let limit = MAX_SEGMENTS.min(MAX_BYTES / size.max(1));
    let mut count = 1;
    for (packet, to) in rest {
        if count >= limit || to != destination || packet.len() > size {
            break;
        }
        count += 1;
        if packet.len() < size {
            break;
        }
    }
    count
}

impl UdpSend for UdpSender {
    type SendManyBuf = ();

    async fn send_to(&self, packet: Packet, destination: SocketAddr) -> io::Result<()> {
        self.try_burst(&[(packet, destination)]).await
    }

    fn max_number_of_packets_to_send(&self) -> usize {
        BATCH
    }

    async fn send_many_to(
        &self,
        _buffer: &mut (),
        packets: &mut Vec<(Packet, SocketAddr)>,
    ) -> io::Result<()> {
        let mut rest = packets.as_slice();
        while !rest.is_empty() {
            let (burst, later) = rest.split_at(burst_len(rest));
            self.send_burst(burst).await;
            rest = later;
        }
        packets.clear();
        Ok(())
    }

    fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.socket.local_addr().map(Some)
    }

    fn set_fwmark(&self, mark: u32) -> io::Result<()> {
        Ok(setsockopt(&self.socket, sockopt::Mark, &mark)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn packets(list: &[(usize, u16)]) -> Vec<(Packet, SocketAddr)> {
        let packet = |&(len, port): &(usize, u16)| {
            let bytes = bytes::BytesMut::zeroed(len);
            (Packet::from_bytes(bytes), ([10, 0, 0, 1], port).into())
        };
        list.iter().map(packet).collect()
    }

    #[test]
    fn a_burst_is_of_one_length_and_one_destination() {
        assert_eq!(burst_len(&[]), 0);
        assert_eq!(burst_len(&packets(&[(100, 1)])), 1);
        assert_eq!(burst_len(&packets(&[(100, 1), (100, 1), (60, 1), (60, 1)])), 3);
        assert_eq!(burst_len(&packets(&[(60, 1), (100, 1)])), 1);
        assert_eq!(burst_len(&packets(&[(100, 1), (100, 2)])), 1);
        assert_eq!(burst_len(&packets(&[(100, 1); 200])), MAX_SEGMENTS);
        assert_eq!(burst_len(&packets(&[(9000, 1); 20])), 7);
        assert_eq!(burst_len(&packets(&[(65_535, 1); 2])), 1);
    }
}
