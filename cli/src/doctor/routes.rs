//! Routes and routing rules of others that take the cluster's packets away.

use ipnetwork::IpNetwork;
use serde_json::Value;

use super::finding::{Finding, advice, run, unseen};
use super::machine::{HUB, MESH, Machine};
use super::rules::{self, Rule};
use super::tool;

pub(crate) const CHECK: &str = "routes";

/// The mark of our routes.
const OURS: &str = "177";

/// Table and origin as `ip -N` says them (linux/rtnetlink.h).
pub(crate) const MAIN: &str = "254";
pub(crate) const LOCAL: &str = "255";
const KERNEL: &str = "2";

/// A route of any table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// None: the default route.
    pub to: Option<IpNetwork>,
    pub via: Option<String>,
    pub link: Option<String>,
    /// What it is when it is no way: unreachable and the like.
    pub kind: Option<String>,
    pub protocol: Option<String>,
    pub table: String,
    pub metric: Option<u64>,
}

impl Route {
    fn read(route: &Value) -> Option<Self> {
        let text = |key: &str| route[key].as_str().map(str::to_owned);
        let to = match route["dst"].as_str()? {
            "default" => None,
            to => Some(to.parse().ok()?),
        };
        Some(Self {
            to,
            via: text("gateway"),
            link: text("dev"),
            kind: text("type"),
            protocol: text("protocol"),
            table: text("table").unwrap_or_else(|| MAIN.to_owned()),
            metric: route["metric"].as_u64(),
        })
    }

    pub fn is_ours(&self) -> bool {
        let link = self.link.as_deref();
        self.protocol.as_deref() == Some(OURS) || link == Some(MESH) || link == Some(HUB)
    }

    /// As `ip route` takes it.
    fn words(&self, v6: bool) -> String {
        let names = [("6", "blackhole"), ("7", "unreachable"), ("8", "prohibit")];
        let kind = names.iter().find(|(n, _)| self.kind.as_deref() == Some(n));
        let mut words = vec![if v6 { "ip -6 route del" } else { "ip route del" }.to_owned()];
        words.extend(kind.map(|(_, name)| (*name).to_owned()));
        words.push(self.to.map_or("default".to_owned(), |to| to.to_string()));
        words.extend(self.via.iter().map(|via| format!("via {via}")));
        words.extend(self.link.iter().map(|link| format!("dev {link}")));
        words.extend(self.protocol.iter().map(|protocol| format!("proto {protocol}")));
        words.extend((self.table != MAIN).then(|| format!("table {}", self.table)));
        words.extend(self.metric.map(|metric| format!("metric {metric}")));
        words.join(" ")
    }
}

#[derive(Default)]
pub(crate) struct Facts {
    cluster: Vec<IpNetwork>,
    /// Routes of both families.
    routes: Vec<Route>,
    /// Rules of IPv4 and of IPv6, in the order in which they are asked.
    rules: [Vec<Rule>; 2],
    failed: Option<String>,
}

pub(crate) async fn look(machine: &Machine) -> Facts {
    let mut facts = Facts { cluster: machine.cluster.clone(), ..Facts::default() };
    if facts.cluster.is_empty() {
        return facts;
    }
    for (n, family) in ["-4", "-6"].into_iter().enumerate() {
        match tool::ip(&[family, "route", "show", "table", "all"]).await {
            Ok(routes) => facts.routes.extend(routes.iter().filter_map(Route::read)),
            Err(why) => facts.failed = Some(why),
        }
        match tool::ip(&[family, "rule"]).await {
            Ok(rules) => facts.rules[n] = rules.iter().filter_map(Rule::read).collect(),
            Err(why) => facts.failed = Some(why),
        }
    }
    facts
}

/// Whether one of two networks is in the other.
pub(crate) fn overlap(one: &IpNetwork, other: &IpNetwork) -> bool {
    one.contains(other.network()) || other.contains(one.network())
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    if let Some(why) = &facts.failed {
        return vec![unseen(CHECK, why)];
    }
    let mut findings = Vec::new();
    for prefix in &facts.cluster {
        let rules = &facts.rules[usize::from(prefix.is_ipv6())];
        let conflicts = facts.routes.iter().filter(|route| takes_away(route, prefix));
        findings.extend(conflicts.map(|route| conflict(route, prefix)));
        findings.extend(rules::judge(rules, prefix, &facts.routes));
    }
    if findings.is_empty() && !facts.cluster.is_empty() {
        findings.push(Finding::ok(CHECK, "nobody else's overlap the cluster's prefixes"));
    }
    findings
}

/// Whether a route that is asked takes part of a prefix; a wider one loses against ours. A
/// table of others is asked when a rule says so, and that is told of the rule.
fn takes_away(route: &Route, prefix: &IpNetwork) -> bool {
    let inside = |to: &IpNetwork| to.prefix() >= prefix.prefix() && overlap(to, prefix);
    route.table == MAIN && !route.is_ours() && route.to.as_ref().is_some_and(inside)
}

fn conflict(route: &Route, prefix: &IpNetwork) -> Finding {
    let to = route.to.map(|to| to.to_string()).unwrap_or_default();
    let way = match (&route.via, &route.link) {
        (Some(via), _) => format!("via {via}"),
        (None, Some(link)) => format!("on {link}"),
        (None, None) => "to nowhere".to_owned(),
    };
    let seen = format!(
        "the route to {to} {way} takes it from the cluster's prefix {prefix}: containers there \
         are not reached"
    );
    if route.protocol.as_deref() == Some(KERNEL) {
        let link = route.link.as_deref().unwrap_or_default();
        let what = format!(
            "it is the network of {link}: move that to other addresses (Docker: \
             default-address-pools), or the cluster (docs/troubleshooting.md)"
        );
        return Finding::problem(CHECK, seen, advice(what));
    }
    Finding::problem(CHECK, seen, run(route.words(prefix.is_ipv6())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::{Remedy, Severity};
    use serde_json::json;

    fn judged(route: &Value) -> Vec<Finding> {
        let cluster = vec!["10.64.0.0/12".parse().unwrap(), "fd00:1::/48".parse().unwrap()];
        let routes = vec![Route::read(route).unwrap()];
        judge(&Facts { cluster, routes, ..Facts::default() })
    }

    #[test]
    fn only_routes_of_others_that_win_over_ours_conflict() {
        let table = [
            (json!({"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"}), None),
            (json!({"dst": "10.0.0.0/8", "gateway": "192.0.2.1", "dev": "eth0"}), None),
            (json!({"dst": "10.64.1.0/24", "dev": "wghub0", "protocol": "177"}), None),
            (json!({"type": "7", "dst": "10.64.0.0/12", "protocol": "177"}), None),
            (json!({"dst": "10.64.0.1", "dev": "wghub0", "table": "255", "protocol": "2"}), None),
            (json!({"dst": "172.17.0.0/16", "dev": "docker0", "protocol": "2"}), None),
            (
                json!({"dst": "10.65.0.0/16", "gateway": "192.0.2.1", "dev": "eth0", "protocol": "4"}),
                Some("ip route del 10.65.0.0/16 via 192.0.2.1 dev eth0 proto 4"),
            ),
            (
                json!({"dst": "10.64.0.0/12", "dev": "tun0", "metric": 50}),
                Some("ip route del 10.64.0.0/12 dev tun0 metric 50"),
            ),
            (
                json!({"type": "6", "dst": "10.70.0.0/16", "metric": 0}),
                Some("ip route del blackhole 10.70.0.0/16 metric 0"),
            ),
            (
                json!({"dst": "fd00:1:0:5::/64", "gateway": "fe80::1", "dev": "eth0", "metric": 1024}),
                Some("ip -6 route del fd00:1:0:5::/64 via fe80::1 dev eth0 metric 1024"),
            ),
        ];
        for (route, remedy) in table {
            let found = judged(&route);
            assert_eq!(found.len(), 1, "{route}");
            let expected = remedy.map(|command| Remedy::Run(command.to_owned()));
            assert_eq!(found[0].remedy, expected, "{route}");
            assert_eq!(found[0].severity == Severity::Problem, remedy.is_some(), "{route}");
        }
    }

    #[test]
    fn a_network_of_an_interface_cannot_be_told_away() {
        let route = json!({"dst": "10.65.0.0/16", "dev": "docker0", "protocol": "2"});
        let found = judged(&route);
        assert!(matches!(&found[0].remedy, Some(Remedy::Advice(_))), "{found:?}");
    }
}
