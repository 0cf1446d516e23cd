//! Body of a fuzz target: what `iptables -S` lists.

use super::{Body, Chain, Jump, Rules, text};

/// A listing of any table: what is found is written as it was read, and what is right
/// needs nothing.
pub fn listing(bytes: &[u8]) {
    // A rule never ends so, and here the end of a line would take it away.
    let listing = String::from_utf8_lossy(bytes).replace('\r', "");
    let lines: Vec<&str> = listing.lines().collect();
    let mut found = Rules::default();
    for table in ["raw", "filter", "nat"] {
        text::parse(table, &lines, &mut found);
    }
    assert_eq!(text::restore(&found, Some(&found)), "");
    let mut again = Rules::default();
    for (chain, body) in &found.0 {
        let written = written(*chain, body);
        let lines: Vec<&str> = written.lines().collect();
        text::parse(chain.table(), &lines, &mut again);
    }
    assert_eq!(again, found);
    let gone = text::restore(&found, None);
    assert_eq!(gone.matches("\n-X ").count(), found.0.len(), "{gone}");
}

fn written(chain: Chain, body: &Body) -> String {
    let rules = body.rules.iter().map(|rule| format!("-A {chain} {rule}\n"));
    let jump = format!("-A {} -j {chain}\n", chain.builtin());
    let jumps = match body.jump {
        Jump::First => jump,
        // Behind somebody else's rule it is wrong, however often.
        Jump::Wrong(n) => format!("-A {} -j OTHER\n{}", chain.builtin(), jump.repeat(n)),
    };
    format!("-N {chain}\n{}{jumps}", rules.collect::<String>())
}

#[cfg(test)]
mod tests {
    #[test]
    fn listings_are_read_as_they_would_be_written() {
        wgcni_fuzzing::bounded("firewall", super::listing);
    }
}
