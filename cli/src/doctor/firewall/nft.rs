//! Tables of nftables that are not iptables'.

use serde_json::Value;

use super::CHECK;
use crate::doctor::finding::{Finding, run};
use crate::doctor::machine::{HUB, MESH};

/// A chain that packets pass, and that drops what no rule lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    family: String,
    table: String,
    chain: String,
    hook: String,
    /// All rules of its table, as text.
    rules: String,
}

/// Chains that drop by policy, in tables that iptables does not show.
pub(crate) fn read(text: &str) -> Vec<Base> {
    let ruleset: Value = serde_json::from_str(text).unwrap_or_default();
    let objects = ruleset["nftables"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let base = |object: &Value| {
        let chain = object.get("chain")?;
        let (family, table) = (text(chain, "family"), text(chain, "table"));
        let hook = text(chain, "hook");
        let shown = matches!(family.as_str(), "ip" | "ip6") && table == "filter";
        let counts = matches!(family.as_str(), "ip" | "ip6" | "inet")
            && matches!(hook.as_str(), "input" | "forward")
            && chain["policy"] == "drop";
        (counts && !shown).then_some(())?;
        let rules = objects.iter().filter_map(|object| object.get("rule"));
        let own = rules.filter(|r| text(r, "family") == family && text(r, "table") == table);
        let rules = own.map(|rule| rule["expr"].to_string()).collect::<Vec<_>>().join("\n");
        Some(Base { chain: text(chain, "name"), family, table, hook, rules })
    };
    objects.iter().filter_map(base).collect()
}

/// Chains whose table has no rule that speaks of us.
pub(crate) fn judge(chains: &[Base], mesh_port: u16, linked: bool) -> Vec<Finding> {
    let judge = |base: &Base| {
        let Base { family, table, chain, hook, rules } = base;
        let (names, what, rule) = if hook == "input" {
            let rule = format!("udp dport {mesh_port} accept");
            (vec![mesh_port.to_string()], format!("packets of other nodes (UDP {mesh_port})"), rule)
        } else if linked {
            let rule = format!(
                "'iifname {{ {HUB}, {MESH} }} accept'; nft insert rule {family} {table} {chain} \
                 'oifname {{ {HUB}, {MESH} }} accept'"
            );
            (vec![HUB.to_owned(), "wg*".to_owned()], "packets of containers".to_owned(), rule)
        } else {
            return None;
        };
        if names.iter().any(|name| rules.contains(name.as_str())) {
            return None;
        }
        let seen = format!(
            "nftables: chain {chain} of table {family} {table} drops by policy, and no rule \
             there lets {what} pass"
        );
        let insert = format!("nft insert rule {family} {table} {chain} {rule}");
        Some(Finding::problem(CHECK, seen, run(insert)))
    };
    chains.iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ruleset(hook: &str, policy: &str, family: &str, rule: &Value) -> String {
        json!({"nftables": [
            {"chain": {"family": family, "table": "filter", "name": "c", "hook": hook,
                       "type": "filter", "prio": 0, "policy": policy}},
            {"rule": {"family": family, "table": "filter", "chain": "c", "expr": [rule]}},
        ]})
        .to_string()
    }

    fn found(text: &str) -> usize {
        judge(&read(text), 51820, true).len()
    }

    #[test]
    fn a_policy_that_drops_counts_where_no_rule_speaks_of_us() {
        let other = json!({"match": {"right": 22}});
        assert_eq!(found(&ruleset("input", "drop", "inet", &other)), 1);
        assert_eq!(found(&ruleset("forward", "drop", "inet", &other)), 1);
        assert_eq!(found(&ruleset("output", "drop", "inet", &other)), 0);
        assert_eq!(found(&ruleset("input", "accept", "inet", &other)), 0);
        // That is iptables'.
        assert_eq!(found(&ruleset("input", "drop", "ip", &other)), 0);
        assert_eq!(
            found(&ruleset("input", "drop", "inet", &json!({"match": {"right": 51820}}))),
            0
        );
        assert_eq!(found(&ruleset("forward", "drop", "inet", &json!({"right": HUB}))), 0);
        assert_eq!(found("nothing"), 0);
    }
}
