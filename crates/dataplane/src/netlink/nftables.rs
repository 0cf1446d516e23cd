//! Notifications about rules (`nf_tables.h`), as far as ours may be among them. Hosts with
//! other tools see many: each is judged by a few bytes.

use super::attribute::attributes;
use crate::firewall::Chain;

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;

/// `NFPROTO_IPV4` and `NFPROTO_IPV6`: the families of iptables' tables.
const FAMILIES: [u8; 2] = [2, 10];

/// Whether a message is about a table, chain or rule that is ours or that ours depends on:
/// what goes, and what comes to where the jumps to our chains are.
pub(super) fn is_ours(message_type: u16, message: &[u8]) -> bool {
    if message_type >> 8 != SUBSYSTEM || !message.get(16).is_some_and(|f| FAMILIES.contains(f)) {
        return false;
    }
    let text = |wanted: u16| {
        let (_, value) = attributes(message).find(|(kind, _)| *kind == wanted)?;
        Some(value.strip_suffix(b"\0").unwrap_or(value))
    };
    let Some(table) = text(1) else { return false };
    let mut chains = Chain::ALL.into_iter().filter(|chain| chain.table().as_bytes() == table);
    match message_type & 0xff {
        // DELTABLE, DESTROYTABLE.
        2 | 26 => chains.next().is_some(),
        // DELCHAIN, DESTROYCHAIN.
        5 | 27 => chains.any(|chain| text(3) == Some(chain.to_string().as_bytes())),
        // NEWRULE, DELRULE, DESTROYRULE.
        6 | 8 | 28 => chains.any(|chain| {
            let name = text(2);
            name == Some(chain.builtin().as_bytes()) || name == Some(chain.to_string().as_bytes())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribute::tests::message;
    use super::*;

    const TABLE: u16 = 10 << 8 | 2;
    const CHAIN: u16 = 10 << 8 | 5;
    const RULE: u16 = 10 << 8 | 6;

    #[test]
    fn only_what_is_ours_or_beside_our_jumps_counts() {
        let rule = |table: &str, chain: &str| {
            let text = |text: &str| [text.as_bytes(), b"\0"].concat();
            message(2, &[(1, &text(table)), (2, &text(chain))])
        };
        for (table, chain, ours) in [
            ("filter", "WGCNI-FORWARD", true),
            ("filter", "FORWARD", true),
            ("raw", "PREROUTING", true),
            ("nat", "POSTROUTING", true),
            ("filter", "DOCKER", false),
            ("filter", "OUTPUT", false),
            ("nat", "PREROUTING", false),
            ("nat", "KUBE-SERVICES", false),
            ("mangle", "FORWARD", false),
        ] {
            assert_eq!(is_ours(RULE, &rule(table, chain)), ours, "{table} {chain}");
        }
        let chain = message(10, &[(1, b"filter\0"), (3, b"WGCNI-INPUT\0")]);
        assert!(is_ours(CHAIN, &chain));
        assert!(!is_ours(CHAIN, &message(10, &[(1, b"filter\0"), (3, b"DOCKER\0")])));
        assert!(is_ours(TABLE, &message(2, &[(1, b"nat\0")])));
        assert!(!is_ours(TABLE, &message(2, &[(1, b"firewalld\0")])));
        // Another family, another subsystem, nothing.
        assert!(!is_ours(RULE, &message(1, &[(1, b"filter\0"), (2, b"FORWARD\0")])));
        assert!(!is_ours(1 << 8 | 6, &rule("filter", "FORWARD")));
        assert!(!is_ours(RULE, &[]));
    }
}
