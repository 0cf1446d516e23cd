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
        let [flags, gso_type, a, b, c, d, e, f, g, h] = bytes;
        Self {
            flags,
            gso_type,
            header_len: u16::from_ne_bytes([a, b]),
            gso_size: u16::from_ne_bytes([c, d]),
            checksum_start: u16::from_ne_bytes([e, f]),
            checksum_offset: u16::from_ne_bytes([g, h]),
        }
    }

    pub(crate) fn encode(self) -> [u8; Self::LEN] {
        let [a, b] = self.header_len.to_ne_bytes();
        let [c, d] = self.gso_size.to_ne_bytes();
        let [e, f] = self.checksum_start.to_ne_bytes();
        let [g, h] = self.checksum_offset.to_ne_bytes();
        [self.flags, self.gso_type, a, b, c, d, e, f, g, h]
    }
}
