//! The stream of peers, as events of the model.

use crate::convert::{delta, peers};
use crate::wireguard_v1 as wire;
use crate::wireguard_v1::__buffa::oneof::watch_peers_response::Event as WireEvent;
use wgcni_model::{Delta, FieldError, History, Revision, Snapshot};

/// One event of `WatchPeers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All peers: replaces what the reader holds.
    Snapshot(Snapshot),
    /// What changed since the previous event.
    Delta(Delta),
    /// The stream is alive and nothing changed.
    Heartbeat,
}

impl TryFrom<wire::WatchPeersResponse> for Event {
    type Error = FieldError;

    fn try_from(response: wire::WatchPeersResponse) -> Result<Self, FieldError> {
        let revision = Revision(response.revision);
        match response.event {
            Some(WireEvent::Snapshot(snapshot)) => {
                let history: History = crate::convert::parse("history", &response.history)?;
                let list = peers("snapshot.peers", snapshot.peers)?;
                let count = list.len();
                let snapshot = Snapshot::new(history, revision, list);
                if snapshot.peers.len() == count {
                    Ok(Self::Snapshot(snapshot))
                } else {
                    Err(FieldError::new("snapshot.peers", "names a node twice"))
                }
            }
            Some(WireEvent::Delta(d)) => Ok(Self::Delta(delta(revision, *d)?)),
            Some(WireEvent::Heartbeat(_)) => Ok(Self::Heartbeat),
            None => Err(FieldError::new("event", "is missing or of an unknown kind")),
        }
    }
}

/// The event that replaces everything a reader holds.
pub fn snapshot(snapshot: &Snapshot) -> wire::WatchPeersResponse {
    let peers = snapshot.peers.values().map(wire::Peer::from).collect();
    let event = wire::Snapshot { peers, ..Default::default() };
    response(snapshot.revision, &snapshot.history, event.into())
}

/// The event that follows the history by one step.
pub fn change(delta: &Delta, history: &History) -> wire::WatchPeersResponse {
    response(delta.revision, history, wire::Delta::from(delta).into())
}

/// The event that says: nothing new.
pub fn heartbeat(revision: Revision, history: &History) -> wire::WatchPeersResponse {
    response(revision, history, wire::Heartbeat::default().into())
}

fn response(revision: Revision, history: &History, event: WireEvent) -> wire::WatchPeersResponse {
    wire::WatchPeersResponse {
        revision: revision.0,
        history: history.to_string(),
        event: Some(event),
        ..Default::default()
    }
}
