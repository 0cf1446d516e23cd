//! What a member is and has.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wgcni_identity::{Certificate, ControlKey, IdentityId, Pin, Role, Spiffe, Subject};
use wgcni_model::{ClusterId, Field, FieldError, NodeName};

use super::Trust;

/// Most addresses that are taken, and the longest one in bytes.
const MAX_ADDRESSES: usize = 8;
const MAX_ADDRESS: usize = 255;

/// A member of a cluster with all that it needs to be one.
#[derive(Clone)]
pub struct Member {
    /// The cluster.
    pub cluster: ClusterId,
    /// The CA's key.
    pub ca: Pin,
    /// The CA's certificate (X.509, DER).
    pub ca_certificate: Vec<u8>,
    /// The member's name.
    pub name: NodeName,
    /// What it is.
    pub role: Role,
    /// Its identity.
    pub id: IdentityId,
    /// Where the main listener is reached, `host:port`, best first.
    pub addresses: Vec<String>,
    /// Where the join listener is reached, for joining again.
    pub join_addresses: Vec<String>,
    /// To be sent with the next renewal.
    pub counter: u64,
    /// The certificate (X.509, DER).
    pub certificate: Vec<u8>,
    /// The key that it is about.
    pub key: Arc<ControlKey>,
    /// When the certificate came, since the Unix epoch.
    pub issued: Duration,
    /// End of the certificate, since the Unix epoch.
    pub not_after: Duration,
}

impl Member {
    /// How its cluster-manager is known.
    pub fn trust(&self) -> Trust {
        Trust { cluster: self.cluster.clone(), ca: self.ca }
    }

    /// Whether its certificate is over.
    pub fn is_expired(&self, now: Duration) -> bool {
        now >= self.not_after
    }

    /// Whether `part` of its certificate's life, between 0 and 1, is over.
    pub fn is_used(&self, part: f64, now: Duration) -> bool {
        self.until_used(part, now).is_zero()
    }

    /// How long it takes until `part` of its certificate's life is over.
    pub fn until_used(&self, part: f64, now: Duration) -> Duration {
        let life = self.not_after.saturating_sub(self.issued);
        (self.issued + life.mul_f64(part.clamp(0.0, 1.0))).saturating_sub(now)
    }

    /// The same member with a certificate that was just renewed.
    ///
    /// # Errors
    /// When the certificate is not of this member and the new key.
    pub(crate) fn renewed(
        &self,
        key: Arc<ControlKey>,
        certificate: Vec<u8>,
        counter: u64,
        now: Duration,
    ) -> Result<Self, FieldError> {
        let subject = Subject::Member(self.role, self.id);
        let read = read_certificate(&certificate, &self.cluster, subject, key.pin())?;
        let not_after = read.not_after;
        Ok(Self { key, certificate, counter, issued: now, not_after, ..self.clone() })
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("cluster", &self.cluster)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Reads a member's certificate, and refuses one that is somebody else's.
pub(crate) fn read_certificate(
    der: &[u8],
    cluster: &ClusterId,
    subject: Subject,
    key: Pin,
) -> Result<Certificate, FieldError> {
    let read = Certificate::from_der(der).field("certificate")?;
    let spiffe = Some(Spiffe { cluster: cluster.clone(), subject });
    if read.spiffe != spiffe {
        return Err(FieldError::new("certificate", "is another member's"));
    }
    if read.pin != key {
        return Err(FieldError::new("certificate", "is of another key"));
    }
    Ok(read)
}

/// Reads the CA's certificate, and refuses another's than the pinned one.
pub(crate) fn read_ca(der: &[u8], ca: Pin) -> Result<(), FieldError> {
    let read = Certificate::from_der(der).field("ca_certificate")?;
    if read.pin != ca || !read.is_ca {
        return Err(FieldError::new("ca_certificate", "is another authority's"));
    }
    Ok(())
}

/// Refuses lists of addresses that are none: 1 to 8 times `host:port`.
pub(crate) fn check_addresses(field: &str, addresses: &[String]) -> Result<(), FieldError> {
    if addresses.is_empty() || addresses.len() > MAX_ADDRESSES {
        let why = format!("has {} addresses, not 1 to {MAX_ADDRESSES}", addresses.len());
        return Err(FieldError::new(field, why));
    }
    for (n, address) in addresses.iter().enumerate() {
        let port = address.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse::<u16>().ok()?;
            (!host.is_empty()).then_some(port)
        });
        let printable = address.bytes().all(|b| b.is_ascii_graphic());
        if address.len() > MAX_ADDRESS || !printable || port.is_none_or(|port| port == 0) {
            return Err(FieldError::new(format!("{field}[{n}]"), "is not host:port"));
        }
    }
    Ok(())
}
