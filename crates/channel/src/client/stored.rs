//! A member as `member.json` holds it. Its key has a file of its own.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wgcni_identity::{Certificate, ControlKey, IdentityId, Pin, Role, Subject};
use wgcni_model::{ClusterId, NodeName};

use super::member::{Member, check_addresses, read_ca, read_certificate};

/// `member.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    cluster: ClusterId,
    ca: Pin,
    ca_certificate: String,
    name: NodeName,
    role: Role,
    id: IdentityId,
    addresses: Vec<String>,
    join_addresses: Vec<String>,
    counter: u64,
    certificate: String,
    issued_ms: u64,
}

impl From<&Member> for Stored {
    fn from(member: &Member) -> Self {
        Self {
            cluster: member.cluster.clone(),
            ca: member.ca,
            ca_certificate: STANDARD.encode(&member.ca_certificate),
            name: member.name.clone(),
            role: member.role,
            id: member.id,
            addresses: member.addresses.clone(),
            join_addresses: member.join_addresses.clone(),
            counter: member.counter,
            certificate: STANDARD.encode(&member.certificate),
            issued_ms: u64::try_from(member.issued.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Stored {
    pub(crate) fn to_text(&self) -> String {
        // Text and numbers only: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The key that the certificate is about.
    pub(crate) fn certified(&self) -> Result<Pin, String> {
        let der = STANDARD.decode(&self.certificate).map_err(|error| error.to_string())?;
        let read = Certificate::from_der(&der).map_err(|e| e.to_string())?;
        Ok(read.pin)
    }

    pub(crate) fn into_member(self, key: Arc<ControlKey>) -> Result<Member, String> {
        let der = |text: &str| STANDARD.decode(text).map_err(|error| error.to_string());
        let (ca_certificate, certificate) = (der(&self.ca_certificate)?, der(&self.certificate)?);
        read_ca(&ca_certificate, self.ca).map_err(|error| error.to_string())?;
        let subject = Subject::Member(self.role, self.id);
        let read = read_certificate(&certificate, &self.cluster, subject, key.pin());
        let not_after = read.map_err(|error| error.to_string())?.not_after;
        check_addresses("addresses", &self.addresses).map_err(|error| error.to_string())?;
        Ok(Member {
            cluster: self.cluster,
            ca: self.ca,
            ca_certificate,
            name: self.name,
            role: self.role,
            id: self.id,
            addresses: self.addresses,
            join_addresses: self.join_addresses,
            counter: self.counter,
            certificate,
            key,
            issued: Duration::from_millis(self.issued_ms),
            not_after,
        })
    }
}
