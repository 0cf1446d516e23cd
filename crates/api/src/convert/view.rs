//! `wgcni.view.v1`, and the views of `wgcni.node.v1`.

use super::{parse, parse_dual, required, texts};
use crate::node_v1 as node;
use crate::view::{Attachment, Line, Link, PeerSeen, Report, Reported, Traffic};
use crate::view_v1 as wire;
use std::collections::BTreeSet;
use std::time::Duration;
use wgcni_model::{Field, FieldError, PublicKey};

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn age(millis: Option<u64>) -> Option<Duration> {
    millis.map(Duration::from_millis)
}

impl From<node::Traffic> for Traffic {
    fn from(traffic: node::Traffic) -> Self {
        let handshake = age(traffic.handshake_age_ms);
        Self { handshake, received: traffic.received_bytes, sent: traffic.sent_bytes }
    }
}

impl From<&Traffic> for node::Traffic {
    fn from(traffic: &Traffic) -> Self {
        Self {
            handshake_age_ms: traffic.handshake.map(millis),
            received_bytes: traffic.received,
            sent_bytes: traffic.sent,
            ..Self::default()
        }
    }
}

impl TryFrom<node::AttachmentView> for Attachment {
    type Error = FieldError;

    fn try_from(mut view: node::AttachmentView) -> Result<Self, FieldError> {
        Ok(Self {
            key: required("key", view.key.take())?,
            namespace: required("namespace", view.namespace.take())?,
            addresses: parse_dual("addresses", &view.addresses)?,
            public_key: PublicKey::from_bytes(&view.public_key).field("public_key")?,
            made: Duration::from_millis(view.made_unix_ms),
            traffic: view.traffic.take().map(Traffic::from),
        })
    }
}

impl From<&Attachment> for node::AttachmentView {
    fn from(attachment: &Attachment) -> Self {
        Self {
            key: node::AttachmentKey::from(&attachment.key).into(),
            namespace: node::Namespace::from(&attachment.namespace).into(),
            addresses: texts(attachment.addresses.iter()),
            public_key: attachment.public_key.as_bytes().to_vec(),
            made_unix_ms: millis(attachment.made),
            traffic: attachment.traffic.as_ref().map(node::Traffic::from).into(),
            ..Self::default()
        }
    }
}

impl TryFrom<node::PeerView> for PeerSeen {
    type Error = FieldError;

    fn try_from(mut view: node::PeerView) -> Result<Self, FieldError> {
        let in_use = &view.endpoint_in_use;
        let in_use = (!in_use.is_empty()).then(|| parse("endpoint_in_use", in_use)).transpose()?;
        Ok(Self {
            node: parse("node", &view.node)?,
            public_key: PublicKey::from_bytes(&view.public_key).field("public_key")?,
            endpoints: super::endpoints("endpoints", &view.endpoints)?,
            in_use,
            allowed_ips: parse_dual("allowed_ips", &view.allowed_ips)?,
            traffic: view.traffic.take().map(Traffic::from),
            silent: age(view.silent_ms),
        })
    }
}

impl From<&PeerSeen> for node::PeerView {
    fn from(peer: &PeerSeen) -> Self {
        Self {
            node: peer.node.to_string(),
            public_key: peer.public_key.as_bytes().to_vec(),
            endpoints: texts(peer.endpoints.as_slice()),
            endpoint_in_use: peer.in_use.map(|at| at.to_string()).unwrap_or_default(),
            allowed_ips: texts(peer.allowed_ips.iter()),
            traffic: peer.traffic.as_ref().map(node::Traffic::from).into(),
            silent_ms: peer.silent.map(millis),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::Link> for Link {
    type Error = FieldError;

    fn try_from(link: wire::Link) -> Result<Self, FieldError> {
        let handshake = age(link.handshake_age_ms);
        Ok(Self {
            node: parse("node", &link.node)?,
            traffic: Traffic { handshake, received: link.received_bytes, sent: link.sent_bytes },
            silent: age(link.silent_ms),
        })
    }
}

impl From<&Link> for wire::Link {
    fn from(link: &Link) -> Self {
        Self {
            node: link.node.to_string(),
            handshake_age_ms: link.traffic.handshake.map(millis),
            received_bytes: link.traffic.received,
            sent_bytes: link.traffic.sent,
            silent_ms: link.silent.map(millis),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::Report> for Report {
    type Error = FieldError;

    fn try_from(report: wire::Report) -> Result<Self, FieldError> {
        most("reasons", report.reasons.len(), Self::MAX_REASONS)?;
        most("links", report.links.len(), Self::MAX_LINKS)?;
        let line = |(n, text): (usize, &String)| {
            Line::new(text, Line::MAX).field(&format!("reasons[{n}]"))
        };
        let node = parse("node", &report.node)?;
        Ok(Self {
            version: Line::new(&report.version, Line::MAX_VERSION).field("version")?,
            kind: super::kind("wireguard_kind", report.wireguard_kind.as_known())?,
            ready: report.ready,
            reasons: report.reasons.iter().enumerate().map(line).collect::<Result<_, _>>()?,
            attachments: report.attachments,
            free: report.free_addresses,
            peers: report.peers,
            peers_up: report.peers_up,
            links: links(&node, report.links)?,
            untold: report.links_untold,
            node,
        })
    }
}

/// Parses links of `own`, naming the one that is wrong.
fn links(own: &wgcni_model::NodeName, list: Vec<wire::Link>) -> Result<Vec<Link>, FieldError> {
    let mut seen = BTreeSet::new();
    let link = |(n, link): (usize, wire::Link)| {
        let field = format!("links[{n}]");
        let link = Link::try_from(link).map_err(|e| e.inside(&field))?;
        let why = match () {
            () if link.node == *own => "is the node itself",
            () if !seen.insert(link.node.clone()) => "is there twice",
            () => return Ok(link),
        };
        Err(FieldError::new(format!("{field}.node"), why))
    };
    list.into_iter().enumerate().map(link).collect()
}

fn most(field: &str, items: usize, limit: usize) -> Result<(), FieldError> {
    let why = || format!("has {items} items, at most {limit} are taken");
    if items > limit { Err(FieldError::new(field, why())) } else { Ok(()) }
}

impl From<&Report> for wire::Report {
    fn from(report: &Report) -> Self {
        Self {
            node: report.node.to_string(),
            version: report.version.as_str().to_owned(),
            wireguard_kind: node::WireguardKind::from(report.kind).into(),
            ready: report.ready,
            reasons: report.reasons.iter().map(|line| line.as_str().to_owned()).collect(),
            attachments: report.attachments,
            free_addresses: report.free,
            peers: report.peers,
            peers_up: report.peers_up,
            links: report.links.iter().map(wire::Link::from).collect(),
            links_untold: report.untold,
            ..Self::default()
        }
    }
}

impl TryFrom<wire::ReportRequest> for Report {
    type Error = FieldError;

    fn try_from(mut request: wire::ReportRequest) -> Result<Self, FieldError> {
        required("report", request.report.take())
    }
}

impl From<&Report> for wire::ReportRequest {
    fn from(report: &Report) -> Self {
        Self { report: wire::Report::from(report).into(), ..Self::default() }
    }
}

impl TryFrom<wire::NodeReport> for Reported {
    type Error = FieldError;

    fn try_from(mut told: wire::NodeReport) -> Result<Self, FieldError> {
        let report = required("report", told.report.take())?;
        Ok(Self { report, age: Duration::from_millis(told.age_ms) })
    }
}

impl From<&Reported> for wire::NodeReport {
    fn from(told: &Reported) -> Self {
        Self {
            report: wire::Report::from(&told.report).into(),
            age_ms: millis(told.age),
            ..Self::default()
        }
    }
}
