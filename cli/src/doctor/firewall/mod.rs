//! Rules of others that drop what must pass.
//!
//! Two worlds may drop: the tables of iptables, in which a packet is followed rule by rule,
//! and other tables of nftables, of which only the policies and the rules that name us are
//! understood.

mod nft;
mod packet;

use std::net::IpAddr;
use std::path::Path;

use ipnetwork::IpNetwork;

use super::finding::{Finding, run, unseen};
use super::machine::{HUB, MESH, Machine};
use super::tool;
use nft::Base;
use packet::{Fate, Packet, Rules};

const CHECK: &str = "firewall";

/// Where the kernel lists the tables of the older variant, which looking would make.
const LEGACY: [&str; 2] = ["/proc/self/net/ip_tables_names", "/proc/self/net/ip6_tables_names"];

#[derive(Default)]
pub(crate) struct Facts {
    /// The links are there: what concerns containers is looked at.
    linked: bool,
    /// node-manager answers: it puts its own chains right.
    alive: bool,
    mesh_port: u16,
    hub_port: u16,
    families: Vec<Family>,
    nft: Vec<Base>,
    failed: Vec<String>,
}

/// One family's rules.
#[derive(Default)]
struct Family {
    v6: bool,
    /// Whether nodes speak over it.
    outside: bool,
    /// Whether the cluster has it.
    inside: bool,
    /// An address of the cluster.
    cluster: Option<IpAddr>,
    tools: Vec<(String, Rules)>,
}

pub(crate) async fn look(machine: &Machine) -> Facts {
    let mut facts = Facts {
        linked: machine.has_hub,
        alive: machine.node.is_ok(),
        mesh_port: machine.mesh_port,
        hub_port: machine.hub_port,
        ..Facts::default()
    };
    if !machine.root || !machine.roles.node {
        return facts;
    }
    for (v6, name) in [(false, "iptables"), (true, "ip6tables")] {
        let cluster = machine.cluster.iter().find(|prefix| prefix.is_ipv6() == v6);
        let mut family = Family {
            v6,
            outside: !v6 || machine.peers.iter().any(|peer| peer.endpoint.is_ipv6()),
            inside: machine.has_family(v6),
            cluster: cluster.and_then(some_address),
            tools: Vec::new(),
        };
        for program in programs(name, LEGACY[usize::from(v6)]) {
            match tool::run(&[&program, "-w", "2", "-S"]).await {
                Ok(text) => family.tools.push((program, Rules::read(&text))),
                Err(why) if program != name && why.ends_with(tool::NOT_INSTALLED) => {}
                Err(why) => facts.failed.push(why),
            }
        }
        facts.families.push(family);
    }
    match tool::run(&["nft", "-j", "list", "ruleset"]).await {
        Ok(text) => facts.nft = nft::read(&text),
        // Without the program hardly anybody made rules with it.
        Err(why) if why.ends_with(tool::NOT_INSTALLED) => {}
        Err(why) => facts.failed.push(why),
    }
    facts
}

/// The host's own program, and that of the variant which it is not, where that has tables.
fn programs(name: &str, legacy_tables: &str) -> Vec<String> {
    let target = std::fs::canonicalize(Path::new("/usr/sbin").join(name)).unwrap_or_default();
    let is_legacy = target.to_string_lossy().contains("legacy");
    let has_legacy = std::fs::read_to_string(legacy_tables).is_ok_and(|text| !text.is_empty());
    let mut programs = vec![name.to_owned()];
    if is_legacy {
        programs.push(format!("{name}-nft"));
    } else if has_legacy {
        programs.push(format!("{name}-legacy"));
    }
    programs
}

/// Some host's address.
fn some_address(prefix: &IpNetwork) -> Option<IpAddr> {
    prefix.iter().nth(9)
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.failed.iter().map(|why| unseen(CHECK, why)).collect();
    for family in &facts.families {
        for (program, rules) in &family.tools {
            findings.extend(ours(facts, family, program, rules));
            findings.extend(drops(facts, family, program, rules));
        }
        findings.extend(both(family));
    }
    findings.extend(nft::judge(&facts.nft, facts.mesh_port, facts.linked));
    if findings.is_empty() && !facts.families.is_empty() {
        findings.push(Finding::ok(CHECK, "nothing drops what must pass"));
    }
    findings
}

/// What must pass, and the chain that decides.
fn packets(facts: &Facts, family: &Family) -> Vec<(&'static str, Packet)> {
    let udp = |what: String, port, from_link, to_link| Packet {
        what,
        from_link,
        to_link,
        protocol: Some("udp"),
        port: Some(port),
        from: None,
        to: None,
    };
    let mut packets = Vec::new();
    if family.outside {
        let what = format!("packets of other nodes (UDP {})", facts.mesh_port);
        packets.push(("INPUT", udp(what, facts.mesh_port, Some("?"), None)));
        let what = format!("packets to other nodes (UDP {})", facts.mesh_port);
        packets.push(("OUTPUT", udp(what, facts.mesh_port, None, Some("?"))));
    }
    if !facts.linked {
        return packets;
    }
    if !family.v6 {
        let what = format!("packets of containers to the hub (UDP {})", facts.hub_port);
        let loopback = Some(IpAddr::from([127, 0, 0, 1]));
        let hub = udp(what, facts.hub_port, Some("lo"), None);
        packets.push(("INPUT", Packet { from: loopback, to: loopback, ..hub }));
    }
    if family.inside {
        for (from, to) in [(HUB, MESH), (MESH, HUB)] {
            let packet = Packet {
                what: format!("packets between containers ({from} to {to})"),
                from_link: Some(from),
                to_link: Some(to),
                protocol: Some("tcp"),
                port: None,
                from: family.cluster,
                to: family.cluster,
            };
            packets.push(("FORWARD", packet));
        }
    }
    packets
}

fn drops(facts: &Facts, family: &Family, program: &str, rules: &Rules) -> Vec<Finding> {
    let judge = |(chain, packet): (&'static str, Packet)| {
        let why = match rules.fate(chain, &packet) {
            Fate::Passes => return None,
            Fate::Policy(chain) => format!("the policy of {chain}"),
            Fate::Dropped(chain, n, rule) => format!("rule {n} of {chain} ({rule})"),
        };
        let seen = format!("{program}: {why} drops {}", packet.what);
        Some(Finding::problem(CHECK, seen, run(allow(program, rules, chain, &packet))))
    };
    packets(facts, family).into_iter().filter_map(judge).collect()
}

/// The command that lets a packet pass, behind our own jump, which stays first.
fn allow(program: &str, rules: &Rules, chain: &str, packet: &Packet) -> String {
    let own = rules.of(chain).iter().position(|rule| rule.ends_with(&format!("-j WGCNI-{chain}")));
    if chain == "FORWARD" && own.is_some() {
        return format!(
            "{program} -D {chain} -j WGCNI-{chain}; {program} -I {chain} 1 -j WGCNI-{chain}"
        );
    }
    let at = if own == Some(0) { 2 } else { 1 };
    let mut line = format!("{program} -I {chain} {at}");
    for (flag, link) in [("-i", packet.from_link), ("-o", packet.to_link)] {
        if let Some(link) = link.filter(|link| *link != "?") {
            line = format!("{line} {flag} {link}");
        }
    }
    if let (Some(protocol), Some(port)) = (packet.protocol, packet.port) {
        line = format!("{line} -p {protocol} --dport {port}");
    }
    format!("{line} -j ACCEPT")
}

/// Our own chains, which node-manager keeps: only where it cannot be expected to.
fn ours(facts: &Facts, family: &Family, program: &str, rules: &Rules) -> Option<Finding> {
    let first = |chain: &str| {
        rules.of(chain).first().is_some_and(|rule| *rule == format!("-j WGCNI-{chain}"))
    };
    let own = family.tools.iter().any(|(_, rules)| rules.has_ours());
    let here = rules.has_ours() || !own && family.tools.first().is_some_and(|(p, _)| p == program);
    if !facts.linked || !family.inside || !here || first("INPUT") && first("FORWARD") {
        return None;
    }
    let what = if rules.has_ours() { "not first any more" } else { "gone" };
    let seen = format!("{program}: our chains are {what}, so that nothing keeps the overlay apart");
    let verb = if facts.alive { "restart" } else { "start" };
    Some(Finding::problem(CHECK, seen, run(Machine::service(verb, "node-manager"))))
}

/// Rules of both variants: each packet passes both.
fn both(family: &Family) -> Option<Finding> {
    let with_rules = family.tools.iter().filter(|(_, rules)| !rules.is_empty());
    let names: Vec<_> = with_rules.map(|(name, _)| name.as_str()).collect();
    if names.len() < 2 {
        return None;
    }
    let seen = format!("both {} hold rules, and a packet must pass both", names.join(" and "));
    let what = "let one tool manage the firewall; `update-alternatives --config iptables` \
                chooses the variant, and a reboot empties the other";
    Some(Finding::warning(CHECK, seen, super::finding::advice(what)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Remedy;
    use crate::doctor::finding::Severity::{Problem, Warning};

    const OURS: &str = "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT
-A INPUT -j WGCNI-INPUT
-A FORWARD -j WGCNI-FORWARD
-A WGCNI-INPUT ! -i lo -p udp -m udp --dport 51819 -j DROP
-A WGCNI-INPUT -i wgmesh0 -j DROP
-A WGCNI-FORWARD -i wghub0 -o wgmesh0 -j ACCEPT
-A WGCNI-FORWARD -i wgmesh0 -o wghub0 -j ACCEPT
-A WGCNI-FORWARD -i wgmesh0 -j DROP
";

    fn facts(tools: &[(&str, String)]) -> Facts {
        let tools = tools.iter().map(|(name, text)| ((*name).to_owned(), Rules::read(text)));
        let family = Family {
            outside: true,
            inside: true,
            cluster: "10.64.0.9".parse().ok(),
            tools: tools.collect(),
            ..Family::default()
        };
        let (mesh_port, hub_port, linked) = (51820, 51819, true);
        Facts { linked, mesh_port, hub_port, families: vec![family], ..Facts::default() }
    }

    fn remedies(tools: &[(&str, String)]) -> Vec<String> {
        let command = |finding: Finding| match finding.remedy {
            Some(Remedy::Run(command)) => command,
            _ => finding.severity_text(),
        };
        judge(&facts(tools)).into_iter().map(command).collect()
    }

    impl Finding {
        fn severity_text(&self) -> String {
            format!("{:?}", self.severity)
        }
    }

    #[test]
    fn what_drops_is_told_with_the_command_that_lets_pass() {
        let own = |more: &str| vec![("iptables", format!("{OURS}{more}"))];
        assert_eq!(remedies(&own("")), ["Ok"]);
        // Docker's policy comes after our chain.
        assert_eq!(remedies(&own("-P FORWARD DROP")), ["Ok"]);
        let mesh = "iptables -I INPUT 2 -p udp --dport 51820 -j ACCEPT";
        let hub = "iptables -I INPUT 2 -i lo -p udp --dport 51819 -j ACCEPT";
        assert_eq!(remedies(&own("-P INPUT DROP")), [mesh, hub]);
        assert_eq!(remedies(&own("-A INPUT -p udp -m udp --dport 51820 -j DROP")), [mesh]);
        let out = "iptables -I OUTPUT 1 -p udp --dport 51820 -j ACCEPT";
        assert_eq!(remedies(&own("-A OUTPUT -p udp -j REJECT")), [out]);
    }

    #[test]
    fn a_drop_before_our_jump_and_a_lost_jump_are_seen() {
        let before = OURS.replace("-A FORWARD", "-A FORWARD -j DROP\n-A FORWARD");
        let again = "iptables -D FORWARD -j WGCNI-FORWARD; iptables -I FORWARD 1 -j WGCNI-FORWARD";
        let found = remedies(&[("iptables", before)]);
        assert_eq!(found, ["systemctl start node-manager", again, again]);
        let gone = OURS.lines().filter(|line| !line.contains("WGCNI")).collect::<Vec<_>>();
        assert_eq!(remedies(&[("iptables", gone.join("\n"))]), ["systemctl start node-manager"]);
    }

    #[test]
    fn the_other_variant_drops_what_ours_lets_pass() {
        let legacy = ("iptables-legacy", "-P INPUT ACCEPT\n-P FORWARD DROP".to_owned());
        let found = judge(&facts(&[("iptables", OURS.to_owned()), legacy]));
        let severities: Vec<_> = found.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Problem, Problem, Warning]);
        let remedy = "iptables-legacy -I FORWARD 1 -i wghub0 -o wgmesh0 -j ACCEPT";
        assert_eq!(found[0].remedy, Some(Remedy::Run(remedy.to_owned())));
    }
}
