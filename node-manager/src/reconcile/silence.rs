//! Silent nodes: found, repaired in stages, reported.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use wgcni_dataplane::{Change, LinkName, Seen, State};
use wgcni_model::{Endpoint, Peer as Member, PublicKey};

use super::findings::{Findings, SilentNode};
use super::health::{Event, Health, Stage};
use crate::membership::Membership;

/// Watches the mesh for nodes that do not answer.
#[derive(Debug)]
pub(super) struct Silence {
    health: Health,
    findings: Arc<Findings>,
    /// Whether any was silent at the last look.
    any: bool,
}

impl Silence {
    pub(super) fn new(patience: Duration, findings: Arc<Findings>) -> Self {
        Self { health: Health::new(patience), findings, any: false }
    }

    /// Takes a look at what was seen; the changes that may bring silent nodes back.
    pub(super) fn look(
        &mut self,
        now: Instant,
        seen: &Seen,
        want: &State,
        membership: &Membership,
    ) -> Vec<Change> {
        let events = self.health.look(now, &seen.traffic);
        let was = std::mem::replace(&mut self.any, self.health.silent().next().is_some());
        if !was && !self.any && events.is_empty() {
            return Vec::new();
        }
        let members = membership.peers.peers.values();
        let members: HashMap<_, _> = members.map(|member| (member.mesh_key, member)).collect();
        let mut changes = Vec::new();
        for (key, event) in events {
            members.get(&key).into_iter().for_each(|member| tell(member, event));
            changes.extend(repair(key, event, want));
        }
        self.publish(now, &members);
        changes
    }

    fn publish(&self, now: Instant, members: &HashMap<PublicKey, &Member>) {
        let wall = SystemTime::now();
        let silent = self.health.silent().filter_map(|(key, silent)| {
            let member = members.get(&key)?;
            let age = now.saturating_duration_since(silent.since);
            Some(SilentNode {
                node: member.node.clone(),
                endpoint: announced(member),
                since: wall.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH),
                stage: silent.stage,
            })
        });
        self.findings.set_silent(silent.collect());
    }
}

fn announced(member: &Member) -> Option<std::net::SocketAddr> {
    member.endpoints.as_slice().first().map(Endpoint::socket)
}

/// One line for each change of a node's state.
fn tell(member: &Member, event: Event) {
    let node = &member.node;
    let endpoint = announced(member).map(|endpoint| endpoint.to_string());
    let endpoint = endpoint.as_deref().unwrap_or("none");
    match event {
        Event::Silent(Stage::Endpoint, _) => {
            tracing::warn!(%node, endpoint, "silent: it answers nothing; its endpoint is set again");
        }
        Event::Silent(Stage::Peer, true) => {
            tracing::warn!(%node, endpoint, "still silent; its peer is made again");
        }
        Event::Silent(Stage::Peer, false) => {
            tracing::debug!(%node, endpoint, "still silent; its peer is made again");
        }
        Event::Heard => tracing::info!(%node, "not silent any more: it is heard again"),
        Event::Idle => tracing::info!(%node, "not silent any more: nothing is sent to it"),
    }
}

fn repair(key: PublicKey, event: Event, want: &State) -> Vec<Change> {
    let mesh = LinkName::Mesh;
    let wish = want.links.get(&mesh).and_then(|link| link.wireguard.peers.get(&key));
    let (Event::Silent(stage, _), Some(wish)) = (event, wish) else { return Vec::new() };
    let set = Change::SetPeer(mesh, key, wish.clone());
    match stage {
        Stage::Endpoint => vec![set],
        Stage::Peer => vec![Change::RemovePeer(mesh, key), set],
    }
}
