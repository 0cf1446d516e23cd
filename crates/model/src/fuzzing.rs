//! Bodies of fuzz targets: snapshots and their changes.

use crate::{Delta, History, NodeName, Peer, Prefixes, PublicKey, Revision, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes of the mesh.
const NODES: u8 = 8;

/// A history written by the bytes, two for each change, and a reader that gets changes
/// between any two revisions of it: it holds what was so, or refuses and holds what it had.
pub fn join(bytes: &[u8]) {
    let (history, reads) = bytes.split_at(bytes.len() / 2);
    let mut states = vec![Snapshot::default()];
    for change in history.chunks_exact(2) {
        states.push(changed(&states[states.len() - 1], change[0], change[1]));
    }
    let mut reader = Snapshot::default();
    for read in reads.chunks_exact(2) {
        let (one, other) =
            (usize::from(read[0]) % states.len(), usize::from(read[1]) % states.len());
        let (from, to) = (one.min(other), one.max(other));
        let held = usize::try_from(reader.revision.0).unwrap_or(usize::MAX);
        let before = reader.clone();
        let follows = (from..=to).contains(&held);
        assert_eq!(reader.apply(between(&states[from..=to])).is_ok(), follows);
        assert_eq!(reader, if follows { states[to].clone() } else { before });
    }
}

/// The next state: a node joins, moves, or leaves.
fn changed(last: &Snapshot, node: u8, how: u8) -> Snapshot {
    let mut peers: BTreeMap<NodeName, Peer> = last.peers.clone();
    let node = node % NODES;
    if let (Some(name), false) = (format!("n{node}").parse().ok(), how < 64) {
        peers.extend(peer(name, node, how % 64 + 2).map(|peer| (peer.node.clone(), peer)));
    } else {
        peers.retain(|name, _| name.as_str() != format!("n{node}"));
    }
    let revision = Revision(last.revision.0 + 1);
    Snapshot { history: History::from_random([node; 16]), revision, peers }
}

fn peer(node: NodeName, number: u8, key: u8) -> Option<Peer> {
    let prefix = format!("10.64.{number}.0/24").parse().ok()?;
    Some(Peer {
        node,
        mesh_key: PublicKey::from_bytes(&[key; 32]).ok()?,
        endpoints: crate::Endpoints::default(),
        allowed_ips: Prefixes::from_items([prefix]).ok()?,
    })
}

/// What a server says: the last state of whatever was touched, though it may be as before.
fn between(states: &[Snapshot]) -> Delta {
    let (Some(first), Some(last)) = (states.first(), states.last()) else { unreachable!() };
    let differs =
        |pair: &[Snapshot], name: &NodeName| pair[0].peers.get(name) != pair[1].peers.get(name);
    let names: BTreeSet<_> = states.iter().flat_map(|state| state.peers.keys()).collect();
    let touched = names.into_iter().filter(|name| states.windows(2).any(|p| differs(p, name)));
    let (there, gone): (Vec<_>, Vec<_>) = touched.partition(|name| last.peers.contains_key(*name));
    Delta {
        history: last.history.clone(),
        after: first.revision,
        revision: last.revision,
        upserted: there.into_iter().map(|name| last.peers[name].clone()).collect(),
        removed: gone.into_iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_changes_that_follow_lead_to_the_same_peers() {
        wgcni_fuzzing::bounded("join", super::join);
    }
}
