//! From packets that arrived together to as few super-packets as a TUN takes (GRO).

use std::io::IoSlice;

use super::checksum::Sum;
use super::{
    ACK, PSH, TCP, TCP_CHECKSUM, TCP_LEN, V4_LEN, V6_LEN, VnetHeader, addresses, fix_ip, put,
};

/// Longest IP packet that a super-packet may claim to be.
const MAX_LEN: usize = 65_535;

/// Which packets go together; its memory is used again for the next batch.
#[derive(Default)]
pub(crate) struct Coalescer {
    groups: Vec<Group>,
    /// For each packet the one that follows in its group, or itself at the end.
    next: Vec<usize>,
}

/// Packets that become one, in the order in which they arrived.
struct Group {
    first: usize,
    last: usize,
    count: usize,
    /// Bytes of the whole, headers once.
    len: usize,
    /// What the packets share; none for what is not TCP.
    tcp: Option<Tcp>,
    /// Whether more may be appended.
    open: bool,
}

/// A TCP segment: where its parts are and what decides over merging.
#[derive(Clone, Copy)]
struct Tcp {
    transport: usize,
    payload: usize,
    /// Payload in bytes: of the first of a group, every other's but the last.
    size: usize,
    /// Sequence number of the byte that follows.
    next_seq: u32,
    flags: u8,
}

impl Coalescer {
    /// Calls `write` with each packet or super-packet, as header and pieces. Within a flow the
    /// order stays.
    pub(crate) fn coalesce<P: AsRef<[u8]>>(
        &mut self,
        packets: &[P],
        mut write: impl FnMut(&[IoSlice<'_>]),
    ) {
        self.groups.clear();
        self.next.clear();
        for index in 0..packets.len() {
            self.next.push(index);
            self.place(packets, index);
        }
        for group in &self.groups {
            self.emit(group, packets, &mut write);
        }
    }

    /// Appends a packet to the group of its flow if it continues it, else opens another.
    fn place<P: AsRef<[u8]>>(&mut self, packets: &[P], index: usize) {
        let packet = packets[index].as_ref();
        let tcp = Tcp::parse(packet);
        // Only the youngest group of a flow may grow: an older one would overtake.
        let youngest = self.groups.iter_mut().rev().find(|group| {
            let pair = group.tcp.zip(tcp);
            pair.is_some_and(|(a, b)| a.same_flow(packets[group.first].as_ref(), b, packet))
        });
        if let (Some(group), Some(tcp)) = (youngest, tcp)
            && group.accepts(packets[group.first].as_ref(), tcp, packet)
        {
            self.next[group.last] = index;
            group.append(index, tcp);
            return;
        }
        self.groups.push(Group {
            first: index,
            last: index,
            count: 1,
            len: packet.len(),
            tcp,
            open: tcp.is_some_and(|tcp| tcp.flags == ACK && tcp.size > 0),
        });
    }

    fn emit<P: AsRef<[u8]>>(
        &self,
        group: &Group,
        packets: &[P],
        write: &mut impl FnMut(&[IoSlice<'_>]),
    ) {
        let first = packets[group.first].as_ref();
        let (Some(tcp), true) = (group.tcp, group.count > 1) else {
            let vnet = VnetHeader::default().encode();
            return write(&[IoSlice::new(&vnet), IoSlice::new(first)]);
        };
        let mut head = [0; V6_LEN + 60];
        let head = &mut head[..tcp.payload];
        head.copy_from_slice(&first[..tcp.payload]);
        let vnet = group.fix_head(head, tcp).encode();
        let mut pieces = Vec::with_capacity(group.count + 2);
        pieces.extend([IoSlice::new(&vnet), IoSlice::new(head)]);
        let mut index = group.first;
        loop {
            pieces.push(IoSlice::new(&packets[index].as_ref()[tcp.payload..]));
            if self.next[index] == index {
                break;
            }
            index = self.next[index];
        }
        write(&pieces);
    }
}

impl Group {
    /// Whether the segment continues the group so that the kernel could split both again into
    /// exactly what arrived.
    fn accepts(&mut self, first: &[u8], tcp: Tcp, packet: &[u8]) -> bool {
        let Some(head) = self.tcp.filter(|_| self.open) else {
            return false;
        };
        let fits = tcp.size > 0
            && tcp.size <= head.size
            && tcp.flags & !PSH == ACK
            && tcp.next_seq.wrapping_sub(head.next_seq) as usize == tcp.size
            && self.len + tcp.size <= MAX_LEN
            && head.same_headers(first, tcp, packet);
        // A super-packet's checksum is taken for good: what came broken must stay broken.
        if fits && self.count == 1 && !head.is_intact(first) {
            self.open = false;
        }
        fits && self.open && tcp.is_intact(packet)
    }

    fn append(&mut self, index: usize, tcp: Tcp) {
        self.last = index;
        self.count += 1;
        self.len += tcp.size;
        if let Some(head) = &mut self.tcp {
            head.next_seq = tcp.next_seq;
            head.flags |= tcp.flags;
            self.open = tcp.size == head.size && tcp.flags == ACK;
        }
    }

    /// Makes the first packet's headers those of the whole.
    fn fix_head(&self, head: &mut [u8], tcp: Tcp) -> VnetHeader {
        fix_ip(head, tcp.transport, self.len);
        let len = self.len - tcp.transport;
        let pseudo = Sum::default().add_pseudo_header(addresses(head), TCP, len);
        head[tcp.transport + 13] = tcp.flags;
        put(head, tcp.transport + TCP_CHECKSUM, pseudo.fold());
        let is_v4 = tcp.transport == V4_LEN;
        let short = |n: usize| u16::try_from(n).unwrap_or_default();
        VnetHeader {
            flags: VnetHeader::NEEDS_CHECKSUM,
            gso_type: if is_v4 { VnetHeader::TCP_V4 } else { VnetHeader::TCP_V6 },
            header_len: short(tcp.payload),
            gso_size: short(tcp.size),
            checksum_start: short(tcp.transport),
            checksum_offset: short(TCP_CHECKSUM),
        }
    }
}

impl Tcp {
    /// A whole TCP segment behind a plain IP header; all else is none of GRO's business.
    fn parse(packet: &[u8]) -> Option<Self> {
        let be16 = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
        let transport = match *packet.first()? {
            // No options; neither more fragments nor an offset.
            0x45 if packet.len() >= V4_LEN + TCP_LEN
                && packet[9] == TCP
                && be16(2) == packet.len()
                && be16(6) & 0x3fff < 1 =>
            {
                V4_LEN
            }
            version
                if version >> 4 == 6
                    && packet.len() >= V6_LEN + TCP_LEN
                    && packet[6] == TCP
                    && be16(4) + V6_LEN == packet.len() =>
            {
                V6_LEN
            }
            _ => return None,
        };
        let tcp = &packet[transport..];
        let payload = transport + usize::from(tcp[12] >> 4) * 4;
        let size = packet.len().checked_sub(payload)?;
        let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        (payload >= transport + TCP_LEN).then(|| Self {
            transport,
            payload,
            size,
            next_seq: seq.wrapping_add(u32::try_from(size).unwrap_or_default()),
            flags: tcp[13],
        })
    }

    /// Same addresses and ports.
    fn same_flow(self, ours: &[u8], other: Self, theirs: &[u8]) -> bool {
        self.transport == other.transport
            && ours[self.transport..self.transport + 4]
                == theirs[self.transport..self.transport + 4]
            && addresses(ours) == addresses(theirs)
    }

    /// Same everything that a split super-packet repeats in each segment.
    fn same_headers(self, ours: &[u8], other: Self, theirs: &[u8]) -> bool {
        let same = |from: usize, to: usize| ours[from..to] == theirs[from..to];
        let ip = if self.transport == V4_LEN {
            same(0, 2) && same(6, 10)
        } else {
            same(0, 4) && same(6, 8)
        };
        let at = self.transport;
        // Acknowledgement and header length; window; urgent pointer and options.
        ip && self.payload == other.payload
            && same(at + 8, at + 13)
            && same(at + 14, at + 16)
            && same(at + 18, self.payload)
    }

    fn is_intact(self, packet: &[u8]) -> bool {
        let tcp = &packet[self.transport..];
        let sum = Sum::default().add_pseudo_header(addresses(packet), TCP, tcp.len());
        sum.add(tcp).is_valid()
    }
}
