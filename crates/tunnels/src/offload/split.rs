//! From what the kernel hands to a TUN with offloads to packets that may travel.

use bytes::BytesMut;

use super::checksum::{self, Sum};
use super::{
    CWR, FIN, PSH, TCP, TCP_CHECKSUM, TCP_LEN, UDP, UDP_CHECKSUM, UDP_LEN, V4_LEN, V6_LEN,
    VnetHeader, addresses, fix_ip, put, wire_len,
};

/// A packet that is not what its header says.
#[derive(Debug, thiserror::Error)]
#[error("malformed super-packet")]
pub(crate) struct Malformed;

/// WireGuard pads to 16 bytes: with room for that behind it, a packet is not copied once more.
const PADDING: usize = 16;

/// Where things are in a super-packet.
struct Layout {
    protocol: u8,
    /// Start of the transport header.
    transport: usize,
    /// Start of the payload.
    payload: usize,
    /// Payload of each segment but the last, in bytes.
    size: usize,
}

/// Appends to `out` the packets that `packet` stands for, complete with checksums.
///
/// # Errors
/// [`Malformed`], and then `out` has nothing new.
pub(crate) fn split(
    header: VnetHeader,
    packet: &mut [u8],
    mut out: impl FnMut(BytesMut),
) -> Result<(), Malformed> {
    if header.gso_type == VnetHeader::NO_GSO {
        if header.flags & VnetHeader::NEEDS_CHECKSUM != 0 {
            finish_checksum(header, packet)?;
        }
        let mut whole = BytesMut::with_capacity(packet.len().next_multiple_of(PADDING));
        whole.extend_from_slice(packet);
        out(whole);
        return Ok(());
    }
    let layout = Layout::of(header, packet)?;
    let (head, payload) = packet.split_at(layout.payload);
    let stride = (layout.payload + layout.size).next_multiple_of(PADDING);
    let mut room = BytesMut::with_capacity(stride * payload.len().div_ceil(layout.size));
    let mut offset = 0;
    for data in payload.chunks(layout.size) {
        room.extend_from_slice(head);
        room.extend_from_slice(data);
        room.resize(stride, 0);
        let mut segment = room.split();
        segment.truncate(head.len() + data.len());
        layout.fix_segment(&mut segment, offset, offset + data.len() == payload.len());
        offset += data.len();
        out(segment);
    }
    Ok(())
}

/// The kernel has left the pseudo header's sum in the field and the rest to us.
fn finish_checksum(header: VnetHeader, packet: &mut [u8]) -> Result<(), Malformed> {
    let start = usize::from(header.checksum_start);
    let at = start + usize::from(header.checksum_offset);
    if packet.len() < at + 2 {
        return Err(Malformed);
    }
    let sum = Sum::default().add(&packet[start..]).finish();
    let is_udp = usize::from(header.checksum_offset) == UDP_CHECKSUM;
    put(packet, at, if is_udp { checksum::udp(sum) } else { sum });
    Ok(())
}

impl Layout {
    fn of(header: VnetHeader, packet: &[u8]) -> Result<Self, Malformed> {
        let protocol = match header.gso_type & !VnetHeader::ECN {
            VnetHeader::TCP_V4 | VnetHeader::TCP_V6 => TCP,
            VnetHeader::UDP => UDP,
            _ => return Err(Malformed),
        };
        let transport = usize::from(header.checksum_start);
        let ip_len = match packet.first().map(|byte| byte >> 4) {
            Some(4) => V4_LEN,
            Some(6) => V6_LEN,
            _ => return Err(Malformed),
        };
        // Not `header_len`: for a forwarded packet that is all that the kernel holds in one piece.
        let transport_len = match protocol {
            TCP => usize::from(packet.get(transport + 12).ok_or(Malformed)? >> 4) * 4,
            _ => UDP_LEN,
        };
        let layout = Self {
            protocol,
            transport,
            payload: transport + transport_len,
            size: usize::from(header.gso_size),
        };
        let sane = transport >= ip_len
            && (protocol == UDP || transport_len >= TCP_LEN)
            && layout.payload <= packet.len()
            && layout.size > 0;
        sane.then_some(layout).ok_or(Malformed)
    }

    /// Makes a copy of the super-packet's headers those of the segment at `offset` of its payload.
    fn fix_segment(&self, segment: &mut [u8], offset: usize, last: bool) {
        let index = offset / self.size;
        if segment[0] >> 4 == 4 {
            let id = u16::from_be_bytes([segment[4], segment[5]]);
            let index = u16::try_from(index).unwrap_or_default();
            put(segment, 4, id.wrapping_add(index).to_be_bytes());
        }
        fix_ip(segment, self.transport, segment.len());
        let len = segment.len() - self.transport;
        let pseudo = Sum::default().add_pseudo_header(addresses(segment), self.protocol, len);
        let transport = &mut segment[self.transport..];
        if self.protocol == TCP {
            fix_tcp(transport, offset, last);
            put(transport, TCP_CHECKSUM, [0, 0]);
            let sum = pseudo.add(transport).finish();
            put(transport, TCP_CHECKSUM, sum);
        } else {
            put(transport, 4, wire_len(len));
            put(transport, UDP_CHECKSUM, [0, 0]);
            let sum = pseudo.add(transport).finish();
            put(transport, UDP_CHECKSUM, checksum::udp(sum));
        }
    }
}

/// Sequence number and flags: CWR belongs to the first segment, FIN and PSH to the last.
fn fix_tcp(tcp: &mut [u8], offset: usize, last: bool) {
    let first = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
    let seq = first.wrapping_add(u32::try_from(offset).unwrap_or_default());
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    if offset > 0 {
        tcp[13] &= !CWR;
    }
    if !last {
        tcp[13] &= !(FIN | PSH);
    }
}
