//! Segmentation as the kernel would do it, pure: super-packets into packets, and back.

mod checksum;
mod coalesce;
mod header;
mod split;

pub(crate) use coalesce::Coalescer;
pub(crate) use header::VnetHeader;
pub(crate) use split::split;

/// IP protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Flags of a TCP header, in its 14th byte.
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const CWR: u8 = 0x80;

/// Lengths of the fixed headers.
const V4_LEN: usize = 20;
const V6_LEN: usize = 40;
const TCP_LEN: usize = 20;
const UDP_LEN: usize = 8;

/// Where checksums sit, counted from the start of the transport header.
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;

/// The addresses of an IP packet, source and destination in one slice.
fn addresses(packet: &[u8]) -> &[u8] {
    if packet[0] >> 4 == 4 { &packet[12..20] } else { &packet[8..40] }
}

/// Two bytes in network order at `at`.
fn put(packet: &mut [u8], at: usize, value: [u8; 2]) {
    packet[at..at + 2].copy_from_slice(&value);
}

/// The length of a packet or payload as it stands in a header; none is above 65535.
fn wire_len(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

/// Writes the lengths of an IP header (and the checksum of IPv4's) for a packet of this length.
fn fix_ip(packet: &mut [u8], ip_len: usize, len: usize) {
    if packet[0] >> 4 == 4 {
        put(packet, 2, wire_len(len));
        put(packet, 10, [0, 0]);
        let sum = checksum::Sum::default().add(&packet[..ip_len]);
        put(packet, 10, sum.finish());
    } else {
        put(packet, 4, wire_len(len - V6_LEN));
    }
}

#[cfg(test)]
mod tests;
