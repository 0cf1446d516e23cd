//! What rules of iptables do with a packet, as far as their text says.
//!
//! Only what is certain counts against a rule: one that asks for something unknown here may
//! let the packet pass, and is not believed to drop it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

/// A packet that must pass.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// What it is, for people.
    pub what: String,
    /// Interface that it comes in by; none: it is the host's own.
    pub from_link: Option<&'static str>,
    /// Interface that it goes out by.
    pub to_link: Option<&'static str>,
    pub protocol: Option<&'static str>,
    pub port: Option<u16>,
    pub from: Option<IpAddr>,
    pub to: Option<IpAddr>,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It passes, or may pass.
    Passes,
    /// A rule of a chain drops it: the chain, the rule's number from 1, and its text.
    Dropped(String, usize, String),
    /// The end of the chain drops it.
    Policy(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    Maybe,
}

/// A table of rules, as `iptables -S` prints it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    policies: BTreeMap<String, String>,
    chains: BTreeMap<String, Vec<String>>,
}

/// How deep chains may call each other.
const DEPTH: usize = 16;

impl Rules {
    pub fn read(text: &str) -> Self {
        let mut rules = Self::default();
        for line in text.lines() {
            let mut words = line.splitn(3, ' ');
            let (verb, chain) = (words.next(), words.next().unwrap_or_default().to_owned());
            let rest = words.next().unwrap_or_default().to_owned();
            match verb {
                Some("-P") => {
                    rules.policies.insert(chain, rest);
                }
                Some("-A") => rules.chains.entry(chain).or_default().push(rest),
                _ => {}
            }
        }
        rules
    }

    pub fn of(&self, chain: &str) -> &[String] {
        self.chains.get(chain).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn policy(&self, chain: &str) -> Option<&str> {
        self.policies.get(chain).map(String::as_str)
    }

    /// Whether there is a rule.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.policies.values().all(|policy| policy == "ACCEPT")
    }

    /// Whether one of our chains is here.
    pub fn has_ours(&self) -> bool {
        self.chains.keys().any(|chain| chain.starts_with("WGCNI-"))
    }

    /// What a built-in chain does with a packet.
    pub fn fate(&self, chain: &str, packet: &Packet) -> Fate {
        match self.walk(chain, packet, DEPTH) {
            Some(fate) => fate,
            None if self.policy(chain) == Some("DROP") => Fate::Policy(chain.to_owned()),
            None => Fate::Passes,
        }
    }

    /// None: nothing in the chain decides.
    fn walk(&self, chain: &str, packet: &Packet, depth: usize) -> Option<Fate> {
        for (n, rule) in self.of(chain).iter().enumerate() {
            let words = split(rule);
            let matches = matches(&words, packet);
            if matches == Match::No {
                continue;
            }
            let certain = matches == Match::Yes;
            match target(&words) {
                Some("ACCEPT") => return Some(Fate::Passes),
                Some("DROP" | "REJECT") if certain => {
                    return Some(Fate::Dropped(chain.to_owned(), n + 1, rule.clone()));
                }
                Some("RETURN") if certain => return None,
                Some(other) if self.chains.contains_key(other) && depth > 0 => {
                    match self.walk(other, packet, depth - 1) {
                        // What is dropped in a chain that may not be asked may pass.
                        Some(Fate::Passes) => return Some(Fate::Passes),
                        Some(fate) if certain => return Some(fate),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn target<'a>(words: &[&'a str]) -> Option<&'a str> {
    let at = words.iter().position(|word| matches!(*word, "-j" | "-g"))?;
    words.get(at + 1).copied()
}

/// Whether a rule holds for a packet.
fn matches(words: &[&str], packet: &Packet) -> Match {
    let (mut all, mut words, mut not) = (Match::Yes, words.iter().copied(), false);
    while let Some(word) = words.next() {
        let found = match word {
            "!" => {
                not = true;
                continue;
            }
            "-j" | "-g" => break,
            // Its options follow, and the target's come after it.
            "-m" => {
                words.next();
                continue;
            }
            "-p" => known(packet.protocol, words.next(), |have, want| have == want),
            "-i" => link(packet.from_link, words.next()),
            "-o" => link(packet.to_link, words.next()),
            "-s" => known(packet.from, words.next(), inside),
            "-d" => known(packet.to, words.next(), inside),
            "--dport" => known(packet.port, words.next(), in_ports),
            "--dports" => known(packet.port, words.next(), |port, want| {
                want.split(',').any(|part| in_ports(port, part))
            }),
            // The first packet of a flow has to pass, too.
            "--ctstate" | "--state" => known(Some("NEW"), words.next(), |state, want| {
                want.split(',').any(|part| part == state)
            }),
            "--comment" => {
                words.next();
                Match::Yes
            }
            _ => Match::Maybe,
        };
        let found = match (found, std::mem::take(&mut not)) {
            (Match::Yes, true) => Match::No,
            (Match::No, true) => Match::Yes,
            (found, _) => found,
        };
        all = match (all, found) {
            (_, Match::No) => return Match::No,
            (_, Match::Maybe) => Match::Maybe,
            (all, Match::Yes) => all,
        };
    }
    all
}

/// The words of a rule; what is quoted is one, whatever is in it.
fn split(rule: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), rule.trim_start());
    while !rest.is_empty() {
        let (mut quoted, mut escaped) = (false, false);
        let ends = |c: char| {
            let quote = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            quoted ^= quote;
            c == ' ' && !quoted
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

fn known<T: Copy>(have: Option<T>, want: Option<&str>, holds: impl Fn(T, &str) -> bool) -> Match {
    match (have, want) {
        (Some(have), Some(want)) if holds(have, want) => Match::Yes,
        (Some(_), Some(_)) => Match::No,
        _ => Match::Maybe,
    }
}

/// A packet without an interface is the host's own, and no pattern holds for it.
fn link(have: Option<&str>, want: Option<&str>) -> Match {
    let holds = |have: &str| {
        let want = want.unwrap_or_default();
        want.strip_suffix('+').map_or(have == want, |start| have.starts_with(start))
    };
    match have {
        // Somewhere outside, by whatever interface.
        Some("?") if want.is_some_and(|want| want == "lo" || want.starts_with("wg")) => Match::No,
        Some("?") => Match::Maybe,
        have => {
            if have.is_some_and(holds) {
                Match::Yes
            } else {
                Match::No
            }
        }
    }
}

fn inside(address: IpAddr, want: &str) -> bool {
    want.parse::<IpNetwork>().is_ok_and(|network| network.contains(address))
}

fn in_ports(port: u16, want: &str) -> bool {
    match want.split_once(':') {
        Some((from, to)) => {
            let (from, to) = (from.parse().unwrap_or(0), to.parse().unwrap_or(u16::MAX));
            (from..=to).contains(&port)
        }
        None => want.parse() == Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh() -> Packet {
        Packet {
            what: "mesh".to_owned(),
            from_link: Some("?"),
            to_link: None,
            protocol: Some("udp"),
            port: Some(51820),
            from: None,
            to: None,
        }
    }

    #[test]
    fn only_what_certainly_drops_a_packet_is_believed_to() {
        let table = [
            ("-P INPUT ACCEPT", "passes"),
            ("-P INPUT DROP", "policy"),
            ("-P INPUT DROP\n-A INPUT -p udp -m udp --dport 51820 -j ACCEPT", "passes"),
            (
                "-P INPUT DROP\n-A INPUT -p udp -m multiport --dports 53,51000:52000 -j ACCEPT",
                "passes",
            ),
            ("-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 51820 -j ACCEPT", "policy"),
            (
                "-P INPUT DROP\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "policy",
            ),
            ("-P INPUT DROP\n-A INPUT -i lo -j ACCEPT", "policy"),
            ("-P INPUT DROP\n-A INPUT -i eth0 -p udp -j ACCEPT", "passes"),
            ("-P INPUT DROP\n-A INPUT -s 192.0.2.0/24 -j ACCEPT", "passes"),
            ("-A INPUT -p udp -m udp --dport 51820 -j DROP", "1"),
            ("-A INPUT -p udp -m comment --comment \"a -j b\" -j REJECT --reject-with x", "1"),
            ("-A INPUT ! -p tcp -j DROP", "1"),
            ("-A INPUT -i eth0 -p udp -j DROP", "passes"),
            ("-A INPUT -p udp -m limit --limit 1/sec -j DROP", "passes"),
            ("-A INPUT -j MINE\n-A MINE -p tcp -j RETURN\n-A MINE -p udp -j DROP", "2"),
            ("-A INPUT -j MINE\n-A MINE -j RETURN\n-A MINE -j DROP", "passes"),
            ("-P INPUT DROP\n-A INPUT -j MINE\n-A MINE -p udp -j ACCEPT", "passes"),
            (
                "-A INPUT ! -i lo -p udp -m udp --dport 51819 -j DROP\n-A INPUT -i wgmesh0 -j DROP",
                "passes",
            ),
        ];
        for (text, expected) in table {
            let fate = match Rules::read(text).fate("INPUT", &mesh()) {
                Fate::Passes => "passes".to_owned(),
                Fate::Policy(_) => "policy".to_owned(),
                Fate::Dropped(_, number, _) => number.to_string(),
            };
            assert_eq!(fate, expected, "{text}");
        }
    }

    #[test]
    fn chains_that_call_each_other_end() {
        let rules = Rules::read("-A INPUT -j A\n-A A -j A");
        assert_eq!(rules.fate("INPUT", &mesh()), Fate::Passes);
    }
}
