//! `wgcni.wireguard.v1`.

use super::{parse, parse_dual, parse_list, texts};
use crate::wireguard_v1 as wire;
use wgcni_model::{
    Delta, Endpoint, Endpoints, Field, FieldError, History, Peer, PublicKey, Revision,
};

impl TryFrom<wire::Peer> for Peer {
    type Error = FieldError;

    fn try_from(peer: wire::Peer) -> Result<Self, FieldError> {
        Ok(Self {
            node: parse("node", &peer.node)?,
            mesh_key: PublicKey::from_bytes(&peer.mesh_public_key).field("mesh_public_key")?,
            endpoints: endpoints("endpoints", &peer.endpoints)?,
            allowed_ips: parse_dual("allowed_ips", &peer.allowed_ips)?,
        })
    }
}

/// Parses a list of endpoints, at most [`Endpoints::MAX`].
pub(super) fn endpoints(field: &str, items: &[String]) -> Result<Endpoints, FieldError> {
    // Cut one above the limit: the refusal is the model's, the work stays bounded.
    let items = &items[..items.len().min(Endpoints::MAX + 1)];
    Endpoints::try_from(parse_list::<Endpoint>(field, items)?).field(field)
}

impl From<&Peer> for wire::Peer {
    fn from(peer: &Peer) -> Self {
        Self {
            node: peer.node.to_string(),
            mesh_public_key: peer.mesh_key.as_bytes().to_vec(),
            endpoints: texts(peer.endpoints.as_slice()),
            allowed_ips: texts(peer.allowed_ips.iter()),
            ..Self::default()
        }
    }
}

/// What a node registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its name.
    pub node: wgcni_model::NodeName,
    /// Its mesh key.
    pub mesh_key: PublicKey,
    /// Its hub key.
    pub hub_key: PublicKey,
    /// Where its mesh port is reached, best first.
    pub endpoints: Endpoints,
    /// Revision of the peers that its kernel holds.
    pub applied: Revision,
}

impl TryFrom<wire::RegisterPeerRequest> for Registration {
    type Error = FieldError;

    fn try_from(request: wire::RegisterPeerRequest) -> Result<Self, FieldError> {
        Ok(Self {
            node: parse("node", &request.node)?,
            mesh_key: PublicKey::from_bytes(&request.mesh_public_key).field("mesh_public_key")?,
            hub_key: PublicKey::from_bytes(&request.hub_public_key).field("hub_public_key")?,
            endpoints: endpoints("endpoints", &request.endpoints)?,
            applied: Revision(request.applied_revision),
        })
    }
}

impl From<&Registration> for wire::RegisterPeerRequest {
    fn from(registration: &Registration) -> Self {
        Self {
            node: registration.node.to_string(),
            mesh_public_key: registration.mesh_key.as_bytes().to_vec(),
            hub_public_key: registration.hub_key.as_bytes().to_vec(),
            endpoints: texts(registration.endpoints.as_slice()),
            applied_revision: registration.applied.0,
            ..Self::default()
        }
    }
}

/// Parses a list of peers, naming the one that is wrong.
pub(crate) fn peers(field: &str, list: Vec<wire::Peer>) -> Result<Vec<Peer>, FieldError> {
    let peer = |(n, p): (usize, wire::Peer)| {
        Peer::try_from(p).map_err(|e| e.inside(&format!("{field}[{n}]")))
    };
    list.into_iter().enumerate().map(peer).collect()
}

/// Parses a delta that leads to `revision` of `history`.
pub(crate) fn delta(
    history: History,
    revision: Revision,
    delta: wire::Delta,
) -> Result<Delta, FieldError> {
    Ok(Delta {
        history,
        after: Revision(delta.after_revision),
        revision,
        upserted: peers("delta.upserted", delta.upserted)?,
        removed: parse_list("delta.removed", &delta.removed)?,
    })
}

impl From<&Delta> for wire::Delta {
    fn from(delta: &Delta) -> Self {
        Self {
            upserted: delta.upserted.iter().map(wire::Peer::from).collect(),
            removed: texts(&delta.removed),
            after_revision: delta.after.0,
            ..Self::default()
        }
    }
}
