//! Settings of the kernel that the overlay needs.

use std::collections::BTreeMap;
use std::fs;

use super::finding::{Finding, run};
use super::machine::{HUB, MESH, Machine};

const CHECK: &str = "sysctls";

pub(crate) struct Facts {
    /// Whether the node's links are there: before that nothing is set.
    linked: bool,
    v4: bool,
    v6: bool,
    /// Interfaces that have routes from router advertisements.
    advertised: Vec<String>,
    values: BTreeMap<String, String>,
}

/// Below `net/`.
fn rp_filter(link: &str) -> String {
    format!("ipv4/conf/{link}/rp_filter")
}

fn accept_ra(link: &str) -> String {
    format!("ipv6/conf/{link}/accept_ra")
}

fn disable_ipv6(link: &str) -> String {
    format!("ipv6/conf/{link}/disable_ipv6")
}

const FORWARD: [&str; 2] = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"];

pub(crate) fn look(machine: &Machine) -> Facts {
    let advertised = advertised();
    let mut names: Vec<String> = FORWARD.map(str::to_owned).to_vec();
    for link in ["all", MESH, HUB] {
        names.extend([rp_filter(link), accept_ra(link), disable_ipv6(link)]);
    }
    names.extend(advertised.iter().map(|link| accept_ra(link)));
    let value = |name: String| {
        let text = fs::read_to_string(format!("/proc/sys/net/{name}")).ok()?;
        Some((name, text.trim().to_owned()))
    };
    Facts {
        linked: machine.has_hub,
        v4: machine.has_family(false),
        v6: machine.has_family(true),
        advertised,
        values: names.into_iter().filter_map(value).collect(),
    }
}

/// Interfaces with a default route that a router advertised (`RTF_ADDRCONF` and
/// `RTF_DEFAULT` of `linux/ipv6_route.h`).
fn advertised() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/net/ipv6_route").unwrap_or_default();
    let link = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let flags = u32::from_str_radix(fields.get(8)?, 16).ok()?;
        (flags & 0x0005_0000 == 0x0005_0000).then(|| fields.get(9).map(ToString::to_string))?
    };
    text.lines().filter_map(link).collect()
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.linked {
        return Vec::new();
    }
    let value = |name: &str| facts.values.get(name).map(String::as_str);
    let mut findings = Vec::new();
    let mut must = |name: &str, wanted: &str, what: &str| {
        if let Some(found) = value(name).filter(|found| *found != wanted) {
            let seen = format!("net/{name} is {found}: {what}");
            let set = format!("sysctl -w net/{name}={wanted}");
            findings.push(Finding::problem(CHECK, seen, run(set)));
        }
    };
    if facts.v4 {
        must(FORWARD[0], "1", "containers reach nobody outside of this node");
    }
    if facts.v6 {
        must(FORWARD[1], "1", "containers reach nobody outside of this node by IPv6");
        for link in [MESH, HUB] {
            must(&disable_ipv6(link), "0", "the overlay has IPv6");
            must(&accept_ra(link), "0", "containers could give this node routes");
        }
        for link in &facts.advertised {
            must(
                &accept_ra(link),
                "2",
                "a node forwards, and loses the routes that it is advertised",
            );
        }
    }
    for link in [MESH, HUB].into_iter().filter(|_| facts.v4) {
        // The larger of the two counts (Linux, ip-sysctl), and 2 is loose.
        let of = |link| value(&rp_filter(link)).and_then(|text| text.parse::<u8>().ok());
        if of(link).unwrap_or(0).max(of("all").unwrap_or(0)) == 1 {
            let name = rp_filter(link);
            let seen = format!(
                "rp_filter of {link} is strict (the larger of net/{name} and of `all` is 1): \
                 packets are dropped whose way back is another"
            );
            findings.push(Finding::problem(CHECK, seen, run(format!("sysctl -w net/{name}=2"))));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "forwarding is on, rp_filter and accept_ra are right"));
    }
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::{Remedy, Severity};

    fn good() -> Facts {
        let mut values = BTreeMap::new();
        for link in ["all", MESH, HUB] {
            let rp = if link == "all" { "0" } else { "2" };
            values.insert(rp_filter(link), rp.to_owned());
            values.insert(accept_ra(link), "0".to_owned());
            values.insert(disable_ipv6(link), "0".to_owned());
        }
        values.extend(FORWARD.map(|name| (name.to_owned(), "1".to_owned())));
        Facts { linked: true, v4: true, v6: true, advertised: Vec::new(), values }
    }

    #[test]
    fn every_wrong_setting_has_the_command_that_sets_it_right() {
        assert_eq!(judge(&good())[0].severity, Severity::Ok);
        let table = [
            (FORWARD[0].to_owned(), "0", "sysctl -w net/ipv4/ip_forward=1"),
            (FORWARD[1].to_owned(), "0", "sysctl -w net/ipv6/conf/all/forwarding=1"),
            (rp_filter(MESH), "1", "sysctl -w net/ipv4/conf/wgmesh0/rp_filter=2"),
            (accept_ra(HUB), "1", "sysctl -w net/ipv6/conf/wghub0/accept_ra=0"),
            (disable_ipv6(HUB), "1", "sysctl -w net/ipv6/conf/wghub0/disable_ipv6=0"),
            (accept_ra("eth0"), "1", "sysctl -w net/ipv6/conf/eth0/accept_ra=2"),
        ];
        for (name, value, remedy) in table {
            let mut facts = good();
            facts.advertised = vec!["eth0".to_owned()];
            facts.values.insert(name.clone(), value.to_owned());
            let found = judge(&facts);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert_eq!(found[0].remedy, Some(Remedy::Run(remedy.to_owned())));
            assert_eq!(judge(&Facts { linked: false, ..facts }), []);
        }
    }

    #[test]
    fn the_larger_rp_filter_counts() {
        let strict = |all: &str, link: &str| {
            let mut facts = good();
            facts.values.insert(rp_filter("all"), all.to_owned());
            facts.values.insert(rp_filter(MESH), link.to_owned());
            facts.values.insert(rp_filter(HUB), "2".to_owned());
            judge(&facts)[0].severity == Severity::Problem
        };
        assert!(strict("1", "0") && strict("0", "1") && strict("1", "1"));
        assert!(!strict("1", "2") && !strict("2", "1") && !strict("0", "0"));
    }
}
