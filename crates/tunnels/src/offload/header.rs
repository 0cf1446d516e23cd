//! The header that precedes each packet of a TUN with offloads (`virtio_net_hdr`).

/// What is left to do on a packet: checksum, segmentation. Numbers are in the machine's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VnetHeader {
    pub(super) flags: u8,
    pub(super) gso_type: u8,
    pub(super) header_len: u16,
    pub(super) gso_size: u16,
    pub(super) checksum_start: u16,
    pub(super) checksum_offset: u16,
}

impl VnetHeader {
    /// Its size on the wire, in bytes.
    pub(crate) const LEN: usize = 10;

    pub(super) const NEEDS_CHECKSUM: u8 = 1;
    pub(super) const NO_GSO: u8 = 0;
    pub(super) const TCP_V4: u8 = 1;
    pub(super) const TCP_V6: u8 = 4;
    pub(super) const UDP: u8 = 5;
    /// Set beside TCP's types: the first segment carries CWR.
    pub(super) const ECN: u8 = 0x80;

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let short = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: bytes[0],
            gso_type: bytes[1],
            header_len: short(2),
            gso_size: short(4),
            checksum_start: short(6),
            checksum_offset: short(8),
        }
    }

    pub(crate) fn encode(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        let shorts = [self.header_len, self.gso_size, self.checksum_start, self.checksum_offset];
        for (to, short) in bytes[2..].chunks_exact_mut(2).zip(shorts) {
            to.copy_from_slice(&short.to_ne_bytes());
        }
        bytes
    }
}
