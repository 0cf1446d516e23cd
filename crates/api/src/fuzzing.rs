//! Bodies of fuzz targets: messages and what becomes of them.

use crate::node::{Attach, Attached, Checked, Detach, Prune};
use crate::view::{Attachment, PeerSeen, Report, Reported};
use crate::watch::{self, Event};
use crate::{Allocated, Claim, Registration, ipam_v1, node_v1, view_v1, wireguard_v1};
use buffa::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wgcni_model::{AttachmentKey, Cluster, FieldError, Lease, Peer};

/// Longest refusal: it echoes little of what it refuses.
const LONGEST: usize = 300;

/// The first byte says which message the others are, in protobuf or as JSON.
pub fn messages(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 18 {
        0 => both::<ipam_v1::Lease, Lease>(bytes, |lease| lease.into()),
        1 => both::<ipam_v1::Cluster, Cluster>(bytes, |cluster| cluster.into()),
        2 => both::<ipam_v1::AllocateRequest, Claim>(bytes, |claim| claim.into()),
        3 => both::<wireguard_v1::Peer, Peer>(bytes, |peer| peer.into()),
        4 => both::<wireguard_v1::RegisterPeerRequest, Registration>(bytes, |r| r.into()),
        5 => both::<wireguard_v1::WatchPeersResponse, Event>(bytes, event),
        6 => both::<node_v1::AttachmentKey, AttachmentKey>(bytes, |key| key.into()),
        7 => both::<node_v1::AttachRequest, Attach>(bytes, |attach| attach.into()),
        8 => both::<node_v1::AttachResponse, Attached>(bytes, |attached| attached.into()),
        9 => both::<node_v1::CheckResponse, Checked>(bytes, |checked| checked.into()),
        10 => both::<node_v1::DetachRequest, Detach>(bytes, |detach| detach.into()),
        11 => both::<node_v1::PruneRequest, Prune>(bytes, |prune| prune.into()),
        12 => both::<ipam_v1::AllocateResponse, Allocated>(bytes, allocated),
        13 => both::<node_v1::AttachmentView, Attachment>(bytes, |view| view.into()),
        14 => both::<node_v1::PeerView, PeerSeen>(bytes, |view| view.into()),
        15 => both::<view_v1::ReportRequest, Report>(bytes, |report| report.into()),
        16 => both::<view_v1::NodeReport, Reported>(bytes, |told| told.into()),
        _ => {}
    }
}

fn allocated(allocated: &Allocated) -> ipam_v1::AllocateResponse {
    ipam_v1::AllocateResponse {
        lease: ipam_v1::Lease::from(&allocated.lease).into(),
        cluster: ipam_v1::Cluster::from(&allocated.cluster).into(),
        ..Default::default()
    }
}

fn event(event: &Event) -> wireguard_v1::WatchPeersResponse {
    match event {
        Event::Snapshot { peers, supersedes } => watch::snapshot(peers, *supersedes),
        Event::Delta(delta) => watch::change(delta),
        // Its revision is nobody's business.
        Event::Heartbeat(history) => watch::heartbeat(wgcni_model::Revision(0), history),
    }
}

fn both<W, T>(bytes: &[u8], back: impl Fn(&T) -> W)
where
    W: Message + Serialize + DeserializeOwned + Clone,
    T: TryFrom<W, Error = FieldError> + PartialEq + std::fmt::Debug,
{
    if let Ok(message) = W::decode_from_slice(bytes) {
        convert(message, &back);
    }
    if let Ok(message) = serde_json::from_slice(bytes) {
        convert(message, &back);
    }
}

/// What is accepted is the same after a way over the wire, in both forms; what is refused
/// names the field.
fn convert<W, T>(message: W, back: impl Fn(&T) -> W)
where
    W: Message + Serialize + DeserializeOwned,
    T: TryFrom<W, Error = FieldError> + PartialEq + std::fmt::Debug,
{
    match T::try_from(message) {
        Ok(value) => {
            let again = W::decode_from_slice(&back(&value).encode_to_vec());
            let again = again.ok().and_then(|message| T::try_from(message).ok());
            assert_eq!(again.as_ref(), Some(&value), "protobuf");
            let json = serde_json::to_vec(&back(&value)).ok();
            let again = json.and_then(|json| serde_json::from_slice::<W>(&json).ok());
            let again = again.and_then(|message| T::try_from(message).ok());
            assert_eq!(again.as_ref(), Some(&value), "JSON");
        }
        Err(error) => {
            assert!(!error.field().is_empty(), "{error}");
            let text = error.to_string();
            assert!(text.len() <= LONGEST && !text.contains(char::is_control), "{text:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_accepted_survives_the_wire_and_what_is_refused_is_named() {
        wgcni_fuzzing::bounded("messages", super::messages);
    }
}
