//! Attributes of messages that no library reads for us.

/// Bytes of a netlink message's own header.
const HEADER: usize = 16;

/// The attributes of a message behind a header of its family, four bytes with padding: kind
/// (flags aside) and value.
pub(super) fn attributes(message: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    nested(message.get(HEADER + 4..).unwrap_or_default())
}

/// The attributes in an attribute, or in what else is a list of them.
pub(super) fn nested(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (head, _) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]) & 0x3fff;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// A message with these attributes; the family's header begins with `family`.
    pub(in super::super) fn message(family: u8, list: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + 4];
        bytes[HEADER] = family;
        bytes.extend(self::list(list));
        bytes
    }

    /// A list of attributes.
    pub(in super::super) fn list(list: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, value) in list {
            let length = u16::try_from(4 + value.len()).unwrap();
            bytes.extend([length.to_ne_bytes(), kind.to_ne_bytes()].concat());
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn attributes_are_read_in_order_and_what_is_cut_off_is_left_out() {
        let bytes = message(2, &[(1, b"filter\0"), (3, b"x"), (4, b"last")]);
        let read: Vec<_> = attributes(&bytes).collect();
        assert_eq!(read, [(1, &b"filter\0"[..]), (3, b"x"), (4, b"last")]);
        assert_eq!(attributes(&bytes[..bytes.len() - 1]).count(), 2);
        assert_eq!(attributes(&bytes[..10]).count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_spin(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            prop_assert!(attributes(&bytes).count() <= bytes.len() / 4);
        }
    }
}
