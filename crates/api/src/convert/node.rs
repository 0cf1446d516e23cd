//! `wgcni.node.v1`.

use super::{parse, parse_dual, parse_list, required, texts};
use crate::node::{Attach, Attached, Checked, Detach, Dns, Hub, Namespace, Prune, Pruned};
use crate::node_v1 as wire;
use std::collections::BTreeSet;
use std::time::Duration;
use wgcni_model::{
    Addresses, AttachmentKey, ContainerId, Family, Field, FieldError, IfName, Invalid, NamespaceId,
    NetworkName, PublicKey, WireguardKind,
};

impl TryFrom<wire::AttachmentKey> for AttachmentKey {
    type Error = FieldError;

    fn try_from(key: wire::AttachmentKey) -> Result<Self, FieldError> {
        Ok(Self {
            network: parse("network", &key.network)?,
            container_id: parse("container_id", &key.container_id)?,
            ifname: parse("ifname", &key.ifname)?,
        })
    }
}

impl From<&AttachmentKey> for wire::AttachmentKey {
    fn from(key: &AttachmentKey) -> Self {
        Self {
            network: key.network.to_string(),
            container_id: key.container_id.to_string(),
            ifname: key.ifname.to_string(),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::Namespace> for Namespace {
    type Error = FieldError;

    fn try_from(namespace: wire::Namespace) -> Result<Self, FieldError> {
        if namespace.path.len() > 4096 {
            return Err(FieldError::new("path", "is longer than 4096 bytes"));
        }
        if namespace.inode == 0 {
            return Err(FieldError::new("inode", "is missing"));
        }
        let cookie = (namespace.cookie != 0).then_some(namespace.cookie);
        let id = NamespaceId { device: namespace.device, inode: namespace.inode, cookie };
        Ok(Self { path: namespace.path, id })
    }
}

impl From<&Namespace> for wire::Namespace {
    fn from(namespace: &Namespace) -> Self {
        Self {
            path: namespace.path.clone(),
            device: namespace.id.device,
            inode: namespace.id.inode,
            cookie: namespace.id.cookie.unwrap_or_default(),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::AttachRequest> for Attach {
    type Error = FieldError;

    fn try_from(mut request: wire::AttachRequest) -> Result<Self, FieldError> {
        let requested = &request.requested_addresses;
        let requested = if requested.is_empty() {
            None
        } else {
            Some(parse_dual("requested_addresses", requested)?)
        };
        Ok(Self {
            key: required("key", request.key.take())?,
            namespace: required("namespace", request.namespace.take())?,
            public_key: PublicKey::from_bytes(&request.public_key).field("public_key")?,
            requested,
            started: started(request.started_ns),
        })
    }
}

impl From<&Attach> for wire::AttachRequest {
    fn from(attach: &Attach) -> Self {
        Self {
            key: wire::AttachmentKey::from(&attach.key).into(),
            namespace: wire::Namespace::from(&attach.namespace).into(),
            public_key: attach.public_key.as_bytes().to_vec(),
            requested_addresses: attach.requested.iter().flat_map(|a| texts(a.iter())).collect(),
            started_ns: started_ns(attach.started),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::HubPeer> for Hub {
    type Error = FieldError;

    fn try_from(hub: wire::HubPeer) -> Result<Self, FieldError> {
        Ok(Self {
            public_key: PublicKey::from_bytes(&hub.public_key).field("public_key")?,
            endpoint: parse("endpoint", &hub.endpoint)?,
        })
    }
}

impl TryFrom<wire::Dns> for Dns {
    type Error = FieldError;

    fn try_from(dns: wire::Dns) -> Result<Self, FieldError> {
        let nameservers = parse_list("nameservers", &dns.nameservers)?;
        Ok(Self { nameservers, domain: dns.domain, search: dns.search })
    }
}

impl From<&Dns> for wire::Dns {
    fn from(dns: &Dns) -> Self {
        Self {
            nameservers: texts(&dns.nameservers),
            domain: dns.domain.clone(),
            search: dns.search.clone(),
            ..Self::default()
        }
    }
}

/// Parses addresses that carry the full length of their family, "10.64.1.5/32".
fn addresses(field: &str, items: &[String]) -> Result<Addresses, FieldError> {
    // Its own error echoes whatever was sent.
    let host = |(n, item): (usize, &String)| {
        let host = item.parse::<ipnetwork::IpNetwork>();
        host.map_err(|_| Invalid::new("address", item, "is not one with a prefix length"))
            .field(&format!("{field}[{n}]"))
    };
    let hosts: Vec<_> = items.iter().enumerate().map(host).collect::<Result<_, _>>()?;
    if let Some(net) = hosts.iter().find(|n| n.prefix() != Family::of(n.ip()).bits()) {
        return Err(FieldError::new(field, format!("{net} is not a single address")));
    }
    Addresses::from_items(hosts.iter().map(ipnetwork::IpNetwork::ip)).field(field)
}

impl TryFrom<wire::AttachResponse> for Attached {
    type Error = FieldError;

    fn try_from(mut response: wire::AttachResponse) -> Result<Self, FieldError> {
        let mtu = u16::try_from(response.mtu).ok().filter(|mtu| *mtu >= 1280);
        Ok(Self {
            addresses: addresses("addresses", &response.addresses)?,
            hub: required("hub", response.hub.take())?,
            cluster: parse_dual("cluster_prefixes", &response.cluster_prefixes)?,
            mtu: mtu.ok_or_else(|| FieldError::new("mtu", "must be 1280 to 65535"))?,
            kind: kind("wireguard_kind", response.wireguard_kind.as_known())?,
            device: parse("device", &response.device)?,
            dns: response.dns.take().map_or_else(|| Ok(Dns::default()), Dns::try_from)?,
        })
    }
}

impl From<&Attached> for wire::AttachResponse {
    fn from(attached: &Attached) -> Self {
        let host = |a: std::net::IpAddr| format!("{a}/{}", Family::of(a).bits());
        let hub = wire::HubPeer {
            public_key: attached.hub.public_key.as_bytes().to_vec(),
            endpoint: attached.hub.endpoint.to_string(),
            ..Default::default()
        };
        Self {
            addresses: attached.addresses.iter().map(host).collect(),
            hub: hub.into(),
            cluster_prefixes: texts(attached.cluster.iter()),
            mtu: attached.mtu.into(),
            wireguard_kind: wire::WireguardKind::from(attached.kind).into(),
            device: attached.device.to_string(),
            dns: wire::Dns::from(&attached.dns).into(),
            ..Self::default()
        }
    }
}

pub(super) fn kind(
    field: &str,
    kind: Option<wire::WireguardKind>,
) -> Result<WireguardKind, FieldError> {
    match kind {
        Some(wire::WireguardKind::WIREGUARD_KIND_KERNEL) => Ok(WireguardKind::Kernel),
        Some(wire::WireguardKind::WIREGUARD_KIND_USERSPACE) => Ok(WireguardKind::Userspace),
        _ => Err(FieldError::new(field, "is missing or unknown")),
    }
}

impl From<WireguardKind> for wire::WireguardKind {
    fn from(kind: WireguardKind) -> Self {
        match kind {
            WireguardKind::Kernel => Self::WIREGUARD_KIND_KERNEL,
            WireguardKind::Userspace => Self::WIREGUARD_KIND_USERSPACE,
        }
    }
}

impl TryFrom<wire::CheckResponse> for Checked {
    type Error = FieldError;

    fn try_from(mut response: wire::CheckResponse) -> Result<Self, FieldError> {
        Ok(Self {
            attached: required("attachment", response.attachment.take())?,
            public_key: PublicKey::from_bytes(&response.public_key).field("public_key")?,
            namespace: required("namespace", response.namespace.take())?,
        })
    }
}

impl From<&Checked> for wire::CheckResponse {
    fn from(checked: &Checked) -> Self {
        Self {
            attachment: wire::AttachResponse::from(&checked.attached).into(),
            public_key: checked.public_key.as_bytes().to_vec(),
            namespace: wire::Namespace::from(&checked.namespace).into(),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::DetachRequest> for Detach {
    type Error = FieldError;

    fn try_from(mut request: wire::DetachRequest) -> Result<Self, FieldError> {
        let public_key = match request.public_key.as_slice() {
            [] => None,
            bytes => Some(PublicKey::from_bytes(bytes).field("public_key")?),
        };
        let started = started(request.started_ns);
        Ok(Self { key: required("key", request.key.take())?, public_key, started })
    }
}

impl From<&Detach> for wire::DetachRequest {
    fn from(detach: &Detach) -> Self {
        Self {
            key: wire::AttachmentKey::from(&detach.key).into(),
            public_key: detach.public_key.map_or_else(Vec::new, |k| k.as_bytes().to_vec()),
            started_ns: started_ns(detach.started),
            ..Self::default()
        }
    }
}

/// A time since boot; 0 is none.
fn started(nanoseconds: u64) -> Option<Duration> {
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn started_ns(started: Option<Duration>) -> u64 {
    // Below 584 years.
    started.and_then(|time| u64::try_from(time.as_nanos()).ok()).unwrap_or_default()
}

impl TryFrom<wire::PrunedAttachment> for Pruned {
    type Error = FieldError;

    fn try_from(mut pruned: wire::PrunedAttachment) -> Result<Self, FieldError> {
        Ok(Self {
            key: required("key", pruned.key.take())?,
            namespace: required("namespace", pruned.namespace.take())?,
        })
    }
}

impl From<&Pruned> for wire::PrunedAttachment {
    fn from(pruned: &Pruned) -> Self {
        Self {
            key: wire::AttachmentKey::from(&pruned.key).into(),
            namespace: wire::Namespace::from(&pruned.namespace).into(),
            ..Self::default()
        }
    }
}

impl TryFrom<wire::PruneRequest> for Prune {
    type Error = FieldError;

    fn try_from(mut request: wire::PruneRequest) -> Result<Self, FieldError> {
        let network: NetworkName = parse("network", &request.network)?;
        let valid = request.valid.take().map(|valid| in_use(&network, valid)).transpose()?;
        Ok(Self { network, valid })
    }
}

/// Parses the attachments that are in use in `network`.
fn in_use(
    network: &NetworkName,
    valid: wire::ValidAttachments,
) -> Result<BTreeSet<(ContainerId, IfName)>, FieldError> {
    let mut keys = BTreeSet::new();
    for (n, key) in valid.keys.into_iter().enumerate() {
        let field = format!("valid.keys[{n}]");
        let key = AttachmentKey::try_from(key).map_err(|e| e.inside(&field))?;
        if key.network != *network {
            return Err(FieldError::new(field, "is of another network than the request"));
        }
        keys.insert((key.container_id, key.ifname));
    }
    Ok(keys)
}

impl From<&Prune> for wire::PruneRequest {
    fn from(prune: &Prune) -> Self {
        let key = |(container_id, ifname): &(_, _)| {
            wire::AttachmentKey::from(&AttachmentKey {
                network: prune.network.clone(),
                container_id: Clone::clone(container_id),
                ifname: Clone::clone(ifname),
            })
        };
        let valid = prune.valid.as_ref().map(|valid| wire::ValidAttachments {
            keys: valid.iter().map(key).collect(),
            ..Default::default()
        });
        Self { network: prune.network.to_string(), valid: valid.into(), ..Self::default() }
    }
}
