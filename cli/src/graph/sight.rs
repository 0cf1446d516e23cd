//! What both ends see of each link, and what follows. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use wgcni_api::view::{Attachment, FRESH, PeerSeen, Reported, Traffic};
use wgcni_model::NodeName;

use crate::told::Told;

/// Up to so many nodes, pairs of which nobody told anything are drawn, too.
const FEW: usize = 20;

/// Reports and clocks may be off by so much.
const SLACK: Duration = Duration::from_secs(5);

/// All that is known.
#[derive(Default)]
pub(super) struct Seen {
    /// Active nodes, and whether each is alive.
    pub nodes: BTreeMap<NodeName, bool>,
    /// What nodes told.
    pub told: Told,
    /// This machine's node.
    pub here: Option<Here>,
}

/// A node, seen from nearby.
pub(super) struct Here {
    pub node: NodeName,
    pub peers: Vec<PeerSeen>,
    pub attachments: Vec<Attachment>,
}

/// What one end of a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sight {
    /// It said nothing.
    Unknown,
    /// Nothing passed, nothing was tried.
    Idle,
    /// The last handshake is young.
    Fresh,
    /// The last handshake is old.
    Stale,
    /// Something was sent, and there was no handshake.
    Never,
    /// The other end answers nothing.
    Silent,
}

/// A link, and what both ends say; `a` comes before `b`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Edge {
    pub a: NodeName,
    pub b: NodeName,
    pub a_says: Sight,
    pub b_says: Sight,
}

impl Edge {
    /// The end that hears nothing while the other hears it.
    pub fn deaf(&self) -> Option<(&NodeName, &NodeName)> {
        let hears = |sight| matches!(sight, Sight::Fresh);
        let lacks = |sight| matches!(sight, Sight::Silent | Sight::Never | Sight::Idle);
        match (self.a_says, self.b_says) {
            (a, b) if hears(a) && lacks(b) => Some((&self.b, &self.a)),
            (a, b) if lacks(a) && hears(b) => Some((&self.a, &self.b)),
            _ => None,
        }
    }

    /// What is worst.
    pub fn worst(&self) -> Sight {
        self.a_says.max(self.b_says)
    }
}

/// A node to be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Vertex {
    pub node: NodeName,
    /// Unknown without a cluster-manager.
    pub alive: Option<bool>,
    pub attachments: Option<u64>,
    pub here: bool,
}

/// A container of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Container {
    pub name: String,
    pub addresses: Vec<String>,
    pub sight: Sight,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Picture {
    pub nodes: Vec<Vertex>,
    pub edges: Vec<Edge>,
    pub containers: Vec<Container>,
    /// Links that nodes have and did not tell.
    pub untold: u64,
}

/// What one node says of another, and when the last handshake was as of now.
type Word = (Sight, Option<Duration>);

impl Picture {
    pub fn new(seen: &Seen) -> Self {
        let mut names: BTreeSet<_> = seen.nodes.keys().collect();
        if let Some(here) = &seen.here {
            names.insert(&here.node);
            names.extend(here.peers.iter().map(|peer| &peer.node));
        }
        let vertex = |node: &&NodeName| Vertex {
            node: Clone::clone(*node),
            alive: seen.nodes.get(*node).copied(),
            attachments: attachments(seen, node),
            here: seen.here.as_ref().is_some_and(|here| here.node == **node),
        };
        let containers = seen.here.iter().flat_map(|here| &here.attachments);
        Self {
            nodes: names.iter().map(vertex).collect(),
            edges: edges(seen, &names),
            containers: containers.map(container).collect(),
            untold: seen.told.values().fold(0, |sum, t| sum.saturating_add(t.report.untold)),
        }
    }
}

fn attachments(seen: &Seen, node: &NodeName) -> Option<u64> {
    match &seen.here {
        Some(here) if here.node == *node => Some(here.attachments.len() as u64),
        _ => seen.told.get(node).map(|told| told.report.attachments),
    }
}

fn container(attachment: &Attachment) -> Container {
    let key = &attachment.key;
    let container = crate::attachments::short(key.container_id.as_str());
    Container {
        name: format!("{}/{container}/{}", key.network, key.ifname),
        addresses: attachment.addresses.iter().map(|address| address.to_string()).collect(),
        sight: attachment.traffic.map_or(Sight::Unknown, |t| sight(&t, None, Duration::ZERO)),
    }
}

fn edges(seen: &Seen, names: &BTreeSet<&NodeName>) -> Vec<Edge> {
    let mut words: BTreeMap<(&NodeName, &NodeName), Word> = BTreeMap::new();
    for (node, told) in &seen.told {
        for link in &told.report.links {
            let word = word(&link.traffic, link.silent, told.age);
            words.insert((node, &link.node), word);
        }
    }
    // What is seen from nearby is younger.
    if let Some(here) = &seen.here {
        for peer in &here.peers {
            let told = |traffic: &Traffic| word(traffic, peer.silent, Duration::ZERO);
            let word = peer.traffic.as_ref().map_or((Sight::Unknown, None), told);
            words.insert((&here.node, &peer.node), word);
        }
    }
    let mut pairs: BTreeSet<[&NodeName; 2]> =
        words.keys().map(|(a, b)| if a < b { [*a, *b] } else { [*b, *a] }).collect();
    if names.len() <= FEW {
        let all: Vec<_> = names.iter().copied().collect();
        let rest =
            all.iter().enumerate().flat_map(|(n, a)| all[n + 1..].iter().map(move |b| [*a, *b]));
        pairs.extend(rest);
    }
    pairs.retain(|pair| pair.iter().all(|node| names.contains(node)));
    pairs.into_iter().map(|[a, b]| edge(seen, &words, a, b)).collect()
}

fn edge(
    seen: &Seen,
    words: &BTreeMap<(&NodeName, &NodeName), Word>,
    a: &NodeName,
    b: &NodeName,
) -> Edge {
    let says = |one: &NodeName, other: &NodeName| {
        let back = words.get(&(other, one)).and_then(|(_, handshake)| *handshake);
        match words.get(&(one, other)) {
            Some((sight, _)) if !is_outdated(*sight, seen.told.get(one), back) => *sight,
            Some(_) => Sight::Unknown,
            None => seen.told.get(one).map_or(Sight::Unknown, |told| untold(told, back)),
        }
    };
    Edge { a: a.clone(), b: b.clone(), a_says: says(a, b), b_says: says(b, a) }
}

/// A node told nothing of a link: there was nothing to tell, or no room for it, or it
/// happened since.
fn untold(told: &Reported, back: Option<Duration>) -> Sight {
    if told.report.untold > 0 || is_outdated(Sight::Idle, Some(told), back) {
        return Sight::Unknown;
    }
    Sight::Idle
}

/// Whether the other end's last handshake came after this end told that there was none.
fn is_outdated(sight: Sight, told: Option<&Reported>, back: Option<Duration>) -> bool {
    let none = matches!(sight, Sight::Idle | Sight::Never);
    let told = told.map_or(Duration::ZERO, |told| told.age);
    none && back.is_some_and(|back| back <= told.saturating_add(SLACK))
}

fn word(traffic: &Traffic, silent: Option<Duration>, age: Duration) -> Word {
    let handshake = traffic.handshake.map(|handshake| handshake.saturating_add(age));
    (sight(traffic, silent, age), handshake)
}

fn sight(traffic: &Traffic, silent: Option<Duration>, age: Duration) -> Sight {
    match traffic.handshake {
        _ if silent.is_some() => Sight::Silent,
        Some(handshake) if handshake.saturating_add(age) < FRESH => Sight::Fresh,
        Some(_) => Sight::Stale,
        None if traffic.is_idle() => Sight::Idle,
        None => Sight::Never,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;
