//! The Internet checksum (RFC 1071).

/// A ones' complement sum in progress. Kept in the machine's byte order: the sum of swapped
/// words is the swapped sum.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// Adds bytes that start at an even offset.
    pub(super) fn add(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<4>();
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        let words = words.iter().chain(std::iter::once(&last));
        // At most 2^14 words of 32 bits: far from overflow.
        Self(words.fold(self.0, |sum, word| sum + u64::from(u32::from_ne_bytes(*word))))
    }

    /// Adds the pseudo header of TCP and UDP (RFC 9293 3.1, RFC 8200 8.1).
    pub(super) fn add_pseudo_header(self, addresses: &[u8], protocol: u8, len: usize) -> Self {
        let [high, low] = super::wire_len(len);
        self.add(addresses).add(&[0, protocol, high, low])
    }

    /// The sum itself, in network order.
    pub(super) fn fold(self) -> [u8; 2] {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        u16::try_from(sum).unwrap_or_default().to_ne_bytes()
    }

    /// What a header carries: the complement, in network order.
    pub(super) fn finish(self) -> [u8; 2] {
        self.fold().map(|byte| !byte)
    }

    /// Whether the bytes summed, checksum included, arrived as they were sent.
    pub(super) fn is_valid(self) -> bool {
        self.fold() == [0xff, 0xff]
    }
}

/// What UDP carries: zero would mean "none" (RFC 768).
pub(super) fn udp(checksum: [u8; 2]) -> [u8; 2] {
    if checksum == [0, 0] { [0xff, 0xff] } else { checksum }
}
