//! Splitting and coalescing are each other's inverse, and touch nothing else.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::io::IoSlice;

use bytes::BytesMut;
use proptest::prelude::*;

use super::checksum::Sum;
use super::*;

/// A TCP segment with valid checksums.
fn tcp(v6: bool, seq: u32, flags: u8, port: u16, payload: &[u8]) -> Vec<u8> {
    let ip_len = if v6 { V6_LEN } else { V4_LEN };
    let mut p = vec![0; ip_len + TCP_LEN + 12];
    if v6 {
        p[0] = 0x60;
        p[6] = TCP;
        p[7] = 64;
        p[8..40].copy_from_slice(&[0xfd; 32]);
    } else {
        p[0] = 0x45;
        p[6] = 0x40;
        p[8] = 64;
        p[9] = TCP;
        p[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    }
    p[ip_len..ip_len + 2].copy_from_slice(&port.to_be_bytes());
    p[ip_len + 4..ip_len + 8].copy_from_slice(&seq.to_be_bytes());
    p[ip_len + 12] = 8 << 4;
    p[ip_len + 13] = flags;
    p[ip_len + 14] = 1;
    p.extend_from_slice(payload);
    let len = p.len();
    fix_ip(&mut p, ip_len, len);
    let sum = Sum::default().add_pseudo_header(addresses(&p), TCP, len - ip_len);
    let sum = sum.add(&p[ip_len..]).finish();
    put(&mut p, ip_len + TCP_CHECKSUM, sum);
    p
}

/// What a TUN would get.
fn coalesce(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    Coalescer::default().coalesce(packets, |pieces: &[IoSlice<'_>]| {
        out.push(pieces.iter().flat_map(|p| p.iter().copied()).collect());
    });
    out
}

/// What a TUN hands out for it.
fn split_all(written: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for bytes in written {
        let (header, packet) = bytes.split_first_chunk().unwrap();
        let header = VnetHeader::decode(*header);
        split(header, &mut packet.to_vec(), |p: BytesMut| out.push(p.to_vec())).unwrap();
    }
    out
}

/// IPv4's identification differs after a round trip, by design.
fn without_id(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        if packet[0] >> 4 == 4 {
            packet[4..6].fill(0);
            let len = packet.len();
            fix_ip(packet, V4_LEN, len);
        }
    }
    packets
}

fn stream(v6: bool, sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut seq = u32::MAX - 2000;
    let segment = |(i, &size): (usize, &usize)| {
        let payload: Vec<u8> = (0..size).map(|b| (b * 7 + i) as u8).collect();
        let packet = tcp(v6, seq, ACK, 443, &payload);
        seq = seq.wrapping_add(size as u32);
        packet
    };
    sizes.iter().enumerate().map(segment).collect()
}

#[test]
fn a_stream_becomes_one_packet_and_comes_apart_the_same() {
    for v6 in [false, true] {
        let packets = stream(v6, &[1368, 1368, 1368, 700]);
        let written = coalesce(&packets);
        assert_eq!(written.len(), 1);
        assert_eq!(without_id(split_all(&written)), packets);
    }
}

#[test]
fn a_short_segment_or_a_push_ends_a_super_packet() {
    let mut packets = stream(false, &[1000, 500, 1000, 1000]);
    assert_eq!(coalesce(&packets).len(), 2);
    packets[2] = tcp(false, 7, ACK | PSH, 443, &[1; 1000]);
    packets[3] = tcp(false, 1007, ACK, 443, &[1; 1000]);
    assert_eq!(coalesce(&packets).len(), 3);
}

#[test]
fn what_does_not_continue_a_flow_is_left_alone() {
    let first = || tcp(false, 1000, ACK, 443, &[1; 100]);
    let mut broken = tcp(false, 1100, ACK, 443, &[1; 100]);
    *broken.last_mut().unwrap() ^= 1;
    let mut options = tcp(false, 1100, ACK, 443, &[1; 100]);
    options[V4_LEN + TCP_LEN] ^= 1;
    for second in [
        broken,
        options,
        tcp(false, 1101, ACK, 443, &[1; 100]),
        tcp(false, 1100, ACK, 444, &[1; 100]),
        tcp(false, 1100, ACK | FIN, 443, &[1; 100]),
        tcp(false, 1100, ACK, 443, &[1; 101]),
        tcp(false, 1100, ACK, 443, &[]),
        tcp(true, 1100, ACK, 443, &[1; 100]),
    ] {
        let packets = [first(), second];
        assert_eq!(split_all(&coalesce(&packets)), packets);
        assert_eq!(coalesce(&packets).len(), 2);
    }
    let mut broken_first = first();
    *broken_first.last_mut().unwrap() ^= 1;
    assert_eq!(coalesce(&[broken_first, tcp(false, 1100, ACK, 443, &[1; 100])]).len(), 2);
}

#[test]
fn flows_that_interleave_are_merged_apart_and_keep_their_order() {
    let mut packets = Vec::new();
    for i in 0..8 {
        for port in [1, 2, 3] {
            packets.push(tcp(true, 100 * i, ACK, port, &[i as u8; 100]));
        }
    }
    // A bare acknowledgement in the middle must not be overtaken.
    packets.insert(9, tcp(true, 300, ACK, 2, &[]));
    let written = coalesce(&packets);
    assert_eq!(written.len(), 5);
    let of = |packets: &[Vec<u8>], port: u16| -> Vec<Vec<u8>> {
        let is = |p: &&Vec<u8>| p[V6_LEN..V6_LEN + 2] == port.to_be_bytes();
        packets.iter().filter(is).cloned().collect()
    };
    let again = split_all(&written);
    for port in [1, 2, 3] {
        assert_eq!(of(&again, port), of(&packets, port));
    }
}

#[test]
fn a_super_packet_never_claims_more_than_a_header_can() {
    let packets = stream(false, &[1400; 60]);
    let written = coalesce(&packets);
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|p| p.len() <= VnetHeader::LEN + 65_535));
}

#[test]
fn a_udp_super_packet_comes_apart_into_whole_datagrams() {
    let mut packet = vec![0; V6_LEN + UDP_LEN + 250];
    packet[0] = 0x60;
    packet[6] = UDP;
    packet[V6_LEN + UDP_LEN..].fill(9);
    let header = VnetHeader {
        flags: VnetHeader::NEEDS_CHECKSUM,
        gso_type: VnetHeader::UDP,
        header_len: u16::MAX,
        gso_size: 100,
        checksum_start: 40,
        checksum_offset: 6,
    };
    let mut sizes = Vec::new();
    split(header, &mut packet, |datagram| {
        let udp = &datagram[V6_LEN..];
        let sum = Sum::default().add_pseudo_header(addresses(&datagram), UDP, udp.len());
        assert!(sum.add(udp).is_valid());
        assert_eq!(wire_len(udp.len()), udp[4..6]);
        sizes.push(udp.len() - UDP_LEN);
    })
    .unwrap();
    assert_eq!(sizes, [100, 100, 50]);
}

#[test]
fn a_checksum_left_to_us_is_finished_and_never_none_for_udp() {
    let mut packet = vec![0; V4_LEN + UDP_LEN + 2];
    packet[0] = 0x45;
    let header = VnetHeader {
        flags: VnetHeader::NEEDS_CHECKSUM,
        checksum_start: 20,
        checksum_offset: 6,
        ..VnetHeader::default()
    };
    packet[28..30].fill(0xff);
    split(header, &mut packet, |p| assert_eq!(p[26..28], [0xff, 0xff])).unwrap();
}

proptest! {
    #[test]
    fn any_stream_survives_the_round_trip(
        v6: bool,
        sizes in proptest::collection::vec(0_usize..3000, 1..60),
    ) {
        let packets = stream(v6, &sizes);
        prop_assert_eq!(without_id(split_all(&coalesce(&packets))), packets);
    }

    #[test]
    fn no_packet_makes_the_coalescer_panic(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..9),
        start in proptest::sample::select(vec![0x45_u8, 0x60]),
    ) {
        let mut packets = packets;
        for p in &mut packets {
            if let Some(first) = p.first_mut() { *first = start; }
        }
        prop_assert_eq!(coalesce(&packets).len(), packets.len());
    }

    #[test]
    fn no_super_packet_makes_the_splitter_panic(
        header: [u8; 10],
        mut packet in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = split(VnetHeader::decode(header), &mut packet, |_| ());
    }
}
