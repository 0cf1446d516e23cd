//! Rules to and from the text of iptables. Pure.

use super::{Body, Chain, Jump, Rules};
use std::fmt::Write as _;

/// Finds our chains in what `iptables -S` lists of one table.
pub(super) fn parse(table: &str, listing: &[&str], into: &mut Rules) {
    for chain in Chain::ALL.into_iter().filter(|chain| chain.table() == table) {
        let made = format!("-N {chain}");
        if !listing.contains(&made.as_str()) {
            continue;
        }
        let own = format!("-A {chain} ");
        let rules = listing.iter().filter_map(|line| line.strip_prefix(&own)).map(str::to_owned);
        into.0.insert(chain, Body { rules: rules.collect(), jump: jump(chain, listing) });
    }
}

fn jump(chain: Chain, listing: &[&str]) -> Jump {
    let builtin = format!("-A {} ", chain.builtin());
    let ours = format!("-j {chain}");
    let jumps = listing.iter().filter_map(|line| line.strip_prefix(&builtin));
    let mut jumps = jumps.map(|rule| rule == ours).peekable();
    let first = jumps.peek() == Some(&true);
    match jumps.filter(|is_ours| *is_ours).count() {
        1 if first => Jump::First,
        n => Jump::Wrong(n),
    }
}

/// What makes `have` into `want`, for `iptables-restore --noflush`: each table in one
/// transaction, nothing of others touched.
pub(super) fn restore(have: &Rules, want: Option<&Rules>) -> String {
    let mut text = String::new();
    for table in ["raw", "filter", "nat"] {
        let mut lines = String::new();
        for chain in Chain::ALL.into_iter().filter(|chain| chain.table() == table) {
            let wish = want.and_then(|want| want.0.get(&chain));
            chain_lines(chain, have.0.get(&chain), wish, &mut lines);
        }
        if !lines.is_empty() {
            let _ = write!(text, "*{table}\n{lines}COMMIT\n");
        }
    }
    text
}

fn chain_lines(chain: Chain, have: Option<&Body>, want: Option<&Body>, out: &mut String) {
    if have == want {
        return;
    }
    let builtin = chain.builtin();
    let (jumps, jumps_right) = match have.map(|body| body.jump) {
        None => (0, false),
        Some(Jump::First) => (1, true),
        Some(Jump::Wrong(n)) => (n, false),
    };
    // To declare a chain makes it, or empties it.
    let _ = writeln!(out, ":{chain} - [0:0]");
    if !jumps_right || want.is_none() {
        out.push_str(&format!("-D {builtin} -j {chain}\n").repeat(jumps));
    }
    let Some(want) = want else {
        let _ = writeln!(out, "-X {chain}");
        return;
    };
    for rule in &want.rules {
        let _ = writeln!(out, "-A {chain} {rule}");
    }
    // The chain is complete before the first packet sees it, even without a transaction.
    if !jumps_right {
        let _ = writeln!(out, "-I {builtin} 1 -j {chain}");
    }
}
