//! Notifications about settings (`netconf.h`): forwarding and source validation.

use super::attribute::attributes;

/// `RTM_NEWNETCONF`.
pub(super) const NEW: u16 = 80;

/// `NETCONFA_IFINDEX_ALL`: the setting of all interfaces together.
pub(super) const ALL: i32 = -1;

/// `NETCONFA_IFINDEX`.
const INDEX: u16 = 1;

/// The interface whose settings changed; below 0 for those that are no interface's.
pub(super) fn index(message: &[u8]) -> Option<i32> {
    let (_, value) = attributes(message).find(|(kind, _)| *kind == INDEX)?;
    value.try_into().ok().map(i32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::attribute::tests::message;
    use super::*;

    #[test]
    fn the_interface_is_found() {
        assert_eq!(index(&message(2, &[(2, &[0; 4]), (1, &7_i32.to_ne_bytes())])), Some(7));
        assert_eq!(index(&message(2, &[(1, &ALL.to_ne_bytes())])), Some(ALL));
        assert_eq!(index(&message(2, &[(1, &[0; 3])])), None);
        assert_eq!(index(&[]), None);
    }
}
