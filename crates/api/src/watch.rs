//! The stream of peers, as events of the model.

use crate::convert::{delta, peers};
use crate::wireguard_v1 as wire;
use crate::wireguard_v1::__buffa::oneof::watch_peers_response::Event as WireEvent;
use wgcni_model::{Delta, FieldError, History, Revision, Snapshot};

/// One event of `WatchPeers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All peers that the server knows.
    Snapshot {
        /// The peers.
        peers: Snapshot,
        /// Whether the server knows what the reader held: who is not listed has left.
        /// Otherwise it may have lost its store.
        supersedes: bool,
    },
    /// What changed since the previous event.
    Delta(Delta),
    /// The stream is alive and nothing changed but, maybe, the history.
    Heartbeat(History),
}

impl TryFrom<wire::WatchPeersResponse> for Event {
    type Error = FieldError;

    fn try_from(response: wire::WatchPeersResponse) -> Result<Self, FieldError> {
        let revision = Revision(response.revision);
        let history: History = crate::convert::parse("history", &response.history)?;
        match response.event {
            Some(WireEvent::Snapshot(snapshot)) => {
                let supersedes = snapshot.supersedes;
                let list = peers("snapshot.peers", snapshot.peers)?;
                let count = list.len();
                let peers = Snapshot::new(history, revision, list);
                if peers.peers.len() == count {
                    Ok(Self::Snapshot { peers, supersedes })
                } else {
                    Err(FieldError::new("snapshot.peers", "names a node twice"))
                }
            }
            Some(WireEvent::Delta(d)) => Ok(Self::Delta(delta(history, revision, *d)?)),
            Some(WireEvent::Heartbeat(_)) => Ok(Self::Heartbeat(history)),
            None => Err(FieldError::new("event", "is missing or of an unknown kind")),
        }
    }
}

/// The event that says everything that the server knows; `supersedes`: and the reader
/// knows nothing more.
pub fn snapshot(snapshot: &Snapshot, supersedes: bool) -> wire::WatchPeersResponse {
    let peers = snapshot.peers.values().map(wire::Peer::from).collect();
    let event = wire::Snapshot { peers, supersedes, ..Default::default() };
    response(snapshot.revision, &snapshot.history, event.into())
}

/// The event that follows the history by one step.
pub fn change(delta: &Delta) -> wire::WatchPeersResponse {
    response(delta.revision, &delta.history, wire::Delta::from(delta).into())
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
