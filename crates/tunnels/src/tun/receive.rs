//! From the link to `gotatun`: super-packets in, packets out.

use std::io;
use std::sync::Arc;

use gotatun::packet::{Ip, Packet, PacketBufPool};
use gotatun::tun::{IpRecv, MtuWatcher};
use tokio::sync::watch;

use super::Tun;
use crate::offload::{VnetHeader, split};

/// Longest super-packet, its header included.
const BUFFER: usize = VnetHeader::LEN + 65_536;

/// No link of ours has a smaller MTU: IPv6 would not run on it (RFC 8200 5).
const SMALLEST_MTU: u16 = 1280;

/// The reading half of a link.
pub(crate) struct TunReceiver {
    tun: Arc<Tun>,
    buffer: Box<[u8]>,
    packets: Vec<Packet<Ip>>,
    /// The longest packet seen. `gotatun` pads packets up to the MTU, which changes behind our
    /// back; a packet that came through the link shows that its MTU is at least as large.
    longest: watch::Sender<u16>,
}

impl TunReceiver {
    pub(crate) fn new(tun: Arc<Tun>) -> Self {
        Self {
            tun,
            buffer: vec![0; BUFFER].into(),
            packets: Vec::new(),
            longest: watch::Sender::new(SMALLEST_MTU),
        }
    }

    fn take_apart(&mut self, len: usize) {
        let Some((header, packet)) = self.buffer[..len].split_first_chunk_mut() else {
            return;
        };
        let mut longest = 0;
        let packets = &mut self.packets;
        let result = split(VnetHeader::decode(*header), packet, |packet| {
            longest = longest.max(packet.len());
            packets.extend(Packet::from_bytes(packet).try_into_ip());
        });
        if let Err(error) = result {
            tracing::debug!(%error, len, "packet from the link dropped");
        }
        let longest = u16::try_from(longest).unwrap_or(u16::MAX);
        if longest > *self.longest.borrow() {
            self.longest.send_replace(longest);
        }
    }
}

impl IpRecv for TunReceiver {
    async fn recv<'a>(
        &'a mut self,
        // The pool never shrinks: what comes from it would stay with an idle device.
        _pool: &mut PacketBufPool,
    ) -> io::Result<impl Iterator<Item = Packet<Ip>> + Send + 'a> {
        let len = self.tun.read(&mut self.buffer).await;
        self.take_apart(len);
        Ok(self.packets.drain(..))
    }

    fn mtu(&self) -> MtuWatcher {
        self.longest.subscribe().into()
    }
}
