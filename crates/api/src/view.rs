//! What people see of a network: attachments and peers of a node, and what nodes tell of
//! themselves, as types that cannot be wrong. What somebody tells may still be a lie.

use std::net::SocketAddr;
use std::time::Duration;
use wgcni_model::{Addresses, AttachmentKey, Endpoints, NodeName, Prefixes, PublicKey};
use wgcni_model::{Invalid, WireguardKind};

use crate::node::Namespace;

/// A handshake younger than this belongs to a session that works (`REJECT_AFTER_TIME`).
pub const FRESH: Duration = Duration::from_mins(3);

/// What passed through a link, as this end of it sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Age of the last handshake, if there was one.
    pub handshake: Option<Duration>,
    /// Bytes from the other end.
    pub received: u64,
    /// Bytes to it.
    pub sent: u64,
}

impl Traffic {
    /// Whether its last handshake is of a session that works.
    pub fn is_fresh(&self) -> bool {
        self.handshake.is_some_and(|age| age < FRESH)
    }

    /// Whether nothing ever passed or was tried.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// An attachment, and what passed between it and its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Who it is.
    pub key: AttachmentKey,
    /// Where the container lives.
    pub namespace: Namespace,
    /// Its addresses.
    pub addresses: Addresses,
    /// Its key.
    pub public_key: PublicKey,
    /// When it was made, since the Unix epoch, to the millisecond.
    pub made: Duration,
    /// What passed; none: the hub has no such peer, or cannot be read.
    pub traffic: Option<Traffic>,
}

/// Another node, and what passed between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSeen {
    /// Its name.
    pub node: NodeName,
    /// Its mesh key.
    pub public_key: PublicKey,
    /// Where it says that it is reached.
    pub endpoints: Endpoints,
    /// Where it is reached now.
    pub in_use: Option<SocketAddr>,
    /// What may come from it and go to it.
    pub allowed_ips: Prefixes,
    /// What passed; none: the mesh has no such peer, or cannot be read.
    pub traffic: Option<Traffic>,
    /// For how long it answers nothing.
    pub silent: Option<Duration>,
}

/// What passes between a node that tells it and another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The other one.
    pub node: NodeName,
    /// What passed.
    pub traffic: Traffic,
    /// For how long it answers nothing.
    pub silent: Option<Duration>,
}

/// A short text from somebody else, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// Longest of them in bytes.
    pub const MAX: usize = 160;

    /// Longest version in bytes.
    pub const MAX_VERSION: usize = 64;

    /// Takes a text as it is.
    ///
    /// # Errors
    /// When it is longer than `longest`, or could drive a terminal.
    pub fn new(text: &str, longest: usize) -> Result<Self, Invalid> {
        if text.len() > longest {
            let why = format!("is longer than {longest} bytes");
            return Err(Invalid::new("text", text, why));
        }
        if text.chars().any(is_unsafe) {
            return Err(Invalid::new("text", text, "has control characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes a text fit: what could drive a terminal becomes `?`, the end is cut off.
    pub fn fitting(text: &str, longest: usize) -> Self {
        let mut line = String::new();
        for c in text.chars().map(|c| if is_unsafe(c) { '?' } else { c }) {
            if line.len() + c.len_utf8() > longest {
                break;
            }
            line.push(c);
        }
        Self(line)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character does something to a terminal, or to the direction of what follows.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How a node is, as it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which node.
    pub node: NodeName,
    /// Version of its node-manager.
    pub version: Line,
    /// Kind of its devices.
    pub kind: WireguardKind,
    /// Whether containers can be attached now.
    pub ready: bool,
    /// Why not, or what is degraded.
    pub reasons: Vec<Line>,
    /// Number of its attachments.
    pub attachments: u64,
    /// Number of addresses that are free.
    pub free: u64,
    /// Number of its mesh peers.
    pub peers: u64,
    /// Number of those with a fresh handshake.
    pub peers_up: u64,
    /// Links that something passed through or should have, each node once.
    pub links: Vec<Link>,
    /// Number of such links that are not told.
    pub untold: u64,
}

impl Report {
    /// Most reasons.
    pub const MAX_REASONS: usize = 8;

    /// Most links.
    pub const MAX_LINKS: usize = 400;

    /// Takes the links that tell most, and counts the others: silent ones first, then those
    /// that were tried in vain, then by the age of the last handshake.
    pub fn tell(&mut self, mut links: Vec<Link>) {
        links.retain(|link| !link.traffic.is_idle() || link.silent.is_some());
        let rank = |link: &Link| {
            let age = link.traffic.handshake;
            (link.silent.is_none(), age.is_some(), age, link.node.clone())
        };
        links.sort_by_cached_key(rank);
        self.untold = links.len().saturating_sub(Self::MAX_LINKS) as u64;
        links.truncate(Self::MAX_LINKS);
        self.links = links;
    }
}

/// What a node told, and how long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// What it told.
    pub report: Report,
    /// How long ago.
    pub age: Duration,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn link(node: &str, handshake: Option<u64>, sent: u64, silent: Option<u64>) -> Link {
        Link {
            node: node.parse().unwrap(),
            traffic: Traffic { handshake: handshake.map(Duration::from_secs), received: 0, sent },
            silent: silent.map(Duration::from_secs),
        }
    }

    fn report() -> Report {
        Report {
            node: "ash".parse().unwrap(),
            version: Line::fitting("1", 64),
            kind: WireguardKind::Kernel,
            ready: true,
            reasons: Vec::new(),
            attachments: 0,
            free: 0,
            peers: 0,
            peers_up: 0,
            links: Vec::new(),
            untold: 0,
        }
    }

    #[test]
    fn what_needs_a_look_is_told_first_and_idle_links_not_at_all() {
        let mut told = report();
        told.tell(vec![
            link("fresh", Some(5), 9, None),
            link("idle", None, 0, None),
            link("stale", Some(900), 9, None),
            link("tried", None, 148, None),
            link("silent", Some(30), 9, Some(20)),
        ]);
        let names: Vec<_> = told.links.iter().map(|link| link.node.as_str()).collect();
        assert_eq!(names, ["silent", "tried", "fresh", "stale"]);
        assert_eq!(told.untold, 0);
    }

    #[test]
    fn a_node_with_ten_thousand_peers_tells_a_request_full_and_how_many_not() {
        let mut told = report();
        let name = |n| format!("{}-{n:05}", "n".repeat(57));
        told.tell((0..10_000).map(|n| link(&name(n), Some(n), u64::MAX, Some(n))).collect());
        assert_eq!((told.links.len(), told.untold), (Report::MAX_LINKS, 9_600));
        told.reasons = vec![Line::fitting(&"ü".repeat(200), Line::MAX); Report::MAX_REASONS];
        let wire = crate::view_v1::ReportRequest {
            report: crate::view_v1::Report::from(&told).into(),
            ..Default::default()
        };
        let bytes = buffa::Message::encode_to_vec(&wire).len();
        assert!(bytes < 64 * 1024, "{bytes}");
    }

    #[test]
    fn a_line_is_short_and_drives_no_terminal() {
        for bad in ["a\x1b[2J", "a\nb", "a\u{202e}b", &"x".repeat(161)] {
            assert!(Line::new(bad, Line::MAX).is_err(), "{bad:?}");
            let fits = Line::fitting(bad, Line::MAX);
            assert_eq!(Line::new(fits.as_str(), Line::MAX), Ok(fits));
        }
        assert_eq!(Line::fitting("größe\n", 5).as_str(), "grö");
        assert_eq!(Line::fitting("größe\n", 5).as_str().len(), 4);
    }
}
