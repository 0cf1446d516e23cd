//! Routing rules that are asked before the main table, where our routes are.

use ipnetwork::IpNetwork;
use serde_json::Value;

use super::finding::{Finding, run};
use super::machine::{HUB, MESH};
use super::routes::{CHECK, LOCAL, MAIN, Route, overlap};

/// A routing rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    priority: u64,
    /// It holds for what it does not name.
    not: bool,
    from: Option<IpNetwork>,
    to: Option<IpNetwork>,
    /// The mark that it asks for: 0 is what unmarked packets have.
    mark: Option<String>,
    /// The interface that packets come from.
    from_link: Option<String>,
    table: Option<String>,
    /// Routes up to this length do not count.
    suppress: Option<u64>,
    /// It asks for something that is not understood here.
    more: bool,
}

impl Rule {
    pub fn read(rule: &Value) -> Option<Self> {
        let text = |key: &str| rule[key].as_str().map(str::to_owned);
        let network = |key: &str, length: &str| {
            let address: std::net::IpAddr = rule[key].as_str()?.parse().ok()?;
            let all = if address.is_ipv6() { 128 } else { 32 };
            let length = rule[length].as_u64().and_then(|n| u8::try_from(n).ok()).unwrap_or(all);
            IpNetwork::new(address, length).ok()
        };
        let strange = ["ipproto", "sport", "dport", "uid_start", "tos", "oif", "l3mdev", "tun_id"];
        Some(Self {
            priority: rule["priority"].as_u64()?,
            not: rule.get("not").is_some(),
            from: network("src", "srclen"),
            to: network("dst", "dstlen"),
            mark: text("fwmark"),
            from_link: text("iif"),
            table: text("table"),
            suppress: rule["suppress_prefixlen"].as_u64(),
            more: strange.iter().any(|key| rule.get(key).is_some()),
        })
    }

    /// Whether all packets to a prefix are asked of its table.
    fn is_everybodys(&self, prefix: &IpNetwork) -> bool {
        let to = self
            .to
            .is_none_or(|to| to.prefix() <= prefix.prefix() && to.contains(prefix.network()));
        let plain = self.from.is_none() && to && self.mark.is_none();
        plain && self.from_link.is_none() && !self.not && !self.more
    }

    /// Whether some packet of the overlay is asked of its table: from a container, or from
    /// another node, to the prefix.
    fn holds(&self, prefix: &IpNetwork) -> bool {
        let unmarked = match self.mark.as_deref() {
            None => !self.not,
            // Ours have no mark: only "all but these" holds for them.
            Some(_) => self.not,
        };
        let link = self.from_link.as_deref().is_none_or(|link| link == HUB || link == MESH);
        let inside = |net: &Option<IpNetwork>| net.as_ref().is_none_or(|net| overlap(net, prefix));
        unmarked && link && !self.more && inside(&self.from) && inside(&self.to)
    }
}

/// Rules that send packets for a prefix elsewhere before the main table is asked.
pub(crate) fn judge(rules: &[Rule], prefix: &IpNetwork, routes: &[Route]) -> Vec<Finding> {
    let asked_first = |rule: &&Rule| {
        let loses = rule.suppress.is_some_and(|length| length >= u64::from(prefix.prefix()));
        !(rule.table.as_deref() == Some(MAIN) && rule.is_everybodys(prefix) && !loses)
    };
    let before = rules.iter().take_while(asked_first).filter(|rule| rule.holds(prefix));
    before.filter_map(|rule| hijack(rule, prefix, routes)).collect()
}

fn hijack(rule: &Rule, prefix: &IpNetwork, routes: &[Route]) -> Option<Finding> {
    let table = rule.table.as_deref().filter(|table| ![MAIN, LOCAL].contains(table))?;
    let leads_away = |route: &&Route| {
        let family = |to: &IpNetwork| overlap(to, prefix);
        // Default routes of both families look the same; their gateways do not.
        let same = |via: &String| via.contains(':') == prefix.is_ipv6();
        let counts = route.to.map_or_else(
            || rule.suppress.is_none() && route.via.as_ref().is_none_or(same),
            |to| family(&to),
        );
        route.table == table && !route.is_ours() && counts
    };
    routes.iter().find(leads_away)?;
    let (v6, priority) = (if prefix.is_ipv6() { "-6 " } else { "" }, rule.priority);
    let seen = format!(
        "the routing rule of priority {priority} asks table {table} before ours, and that has a \
         way for the cluster's prefix {prefix}"
    );
    // What is asked before it wins.
    let first = priority.saturating_sub(1);
    let add = format!("ip {v6}rule add to {prefix} lookup main priority {first}");
    Some(Finding::problem(CHECK, seen, run(add)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn hijacked(rules: &Value) -> Vec<u64> {
        let all = rules.as_array().unwrap().iter().map(|rule| Rule::read(rule).unwrap());
        let all: Vec<_> = all.collect();
        let to = |to: Option<&str>, table: &str| Route {
            to: to.map(|to| to.parse().unwrap()),
            table: table.to_owned(),
            ..Route::default()
        };
        let routes = [to(None, "100"), to(Some("100.64.0.0/10"), "52"), to(None, "254")];
        let prefix = "10.64.0.0/12".parse().unwrap();
        let found = judge(&all, &prefix, &routes);
        let priority = |finding: Finding| {
            let word = finding.seen.split("priority ").nth(1).unwrap();
            word.split(' ').next().unwrap().parse().unwrap()
        };
        found.into_iter().map(priority).collect()
    }

    #[test]
    fn only_rules_before_the_main_table_that_lead_away_count() {
        let local = json!({"priority": 0, "src": "all", "table": "255"});
        let main = json!({"priority": 32766, "src": "all", "table": "254"});
        let with = |rule: Value| json!([local, rule, main]);
        let table = [
            (json!({"priority": 9, "src": "all", "table": "100"}), vec![9]),
            (json!({"priority": 9, "src": "10.65.0.0", "srclen": 16, "table": "100"}), vec![9]),
            (
                json!({"priority": 9, "src": "all", "dst": "10.64.0.0", "dstlen": 12, "table": "100"}),
                vec![9],
            ),
            (json!({"priority": 9, "src": "all", "iif": "wghub0", "table": "100"}), vec![9]),
            (
                json!({"priority": 9, "not": null, "src": "all", "fwmark": "0xca6c", "table": "100"}),
                vec![9],
            ),
            (json!({"priority": 9, "src": "192.0.2.0", "srclen": 24, "table": "100"}), vec![]),
            (json!({"priority": 9, "src": "all", "iif": "eth1", "table": "100"}), vec![]),
            (json!({"priority": 9, "src": "all", "fwmark": "0x7", "table": "100"}), vec![]),
            // Tailscale's table has no way for the prefix.
            (json!({"priority": 9, "src": "all", "table": "52"}), vec![]),
            (json!({"priority": 40_000, "src": "all", "table": "254"}), vec![]),
        ];
        for (rule, expected) in table {
            assert_eq!(hijacked(&with(rule.clone())), expected, "{rule}");
        }
    }

    #[test]
    fn the_main_table_that_is_asked_first_for_all_but_its_default_wins() {
        // What wg-quick sets up.
        let rules = json!([
            {"priority": 32764, "src": "all", "table": "254", "suppress_prefixlen": 0},
            {"priority": 32765, "not": null, "src": "all", "fwmark": "0xca6c", "table": "100"},
            {"priority": 32766, "src": "all", "table": "254"},
        ]);
        assert_eq!(hijacked(&rules), Vec::<u64>::new());
    }

    #[test]
    fn the_remedy_is_seen_as_one() {
        let rules = json!([
            {"priority": 8, "src": "all", "dst": "10.64.0.0", "dstlen": 12, "table": "254"},
            {"priority": 9, "src": "all", "table": "100"},
        ]);
        assert_eq!(hijacked(&rules), Vec::<u64>::new());
    }
}
