//! The cluster's certificate authority.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use time::OffsetDateTime;
use wgcni_model::ClusterId;

use crate::certificate::Certificate;
use crate::{CertificateRequest, ControlKey, Error, IdentityId, Pin, Role, Spiffe, Subject};

/// How far clocks may be apart.
const SKEW: Duration = Duration::from_mins(5);

/// When a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From when on, since the Unix epoch; a little earlier is taken, too.
    pub from: Duration,
    /// How long.
    pub length: Duration,
}

impl Lifetime {
    fn end(self) -> Duration {
        self.from.saturating_add(self.length)
    }
}

/// A certificate that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate (X.509, DER).
    pub der: Vec<u8>,
    /// End of its life, since the Unix epoch.
    pub not_after: Duration,
}

/// The CA: signs what it is told to, of the kinds that there are.
pub struct Authority {
    cluster: ClusterId,
    issuer: Issuer<'static, ControlKey>,
    certificate: Issued,
}

impl PublicKeyData for ControlKey {
    fn der_bytes(&self) -> &[u8] {
        self.pair().der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.pair().algorithm()
    }
}

impl rcgen::SigningKey for ControlKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.pair().sign(message)
    }
}

impl Authority {
    /// The CA of a cluster with its key; its certificate is made anew.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn new(cluster: ClusterId, key: ControlKey, lifetime: Lifetime) -> Result<Self, Error> {
        let params = ca_params(&cluster, lifetime)?;
        let made = params.self_signed(&key).map_err(|error| Error::bad("CA certificate", error))?;
        let certificate = Issued { der: made.der().to_vec(), not_after: lifetime.end() };
        Ok(Self { cluster, issuer: Issuer::new(params, key), certificate })
    }

    /// The CA of a cluster with its key and the certificate that was made for it.
    ///
    /// # Errors
    /// When the certificate is no CA's, or not of this key.
    pub fn restore(cluster: ClusterId, key: ControlKey, certificate: &[u8]) -> Result<Self, Error> {
        let read = Certificate::from_der(certificate)?;
        if !read.is_ca || read.pin != key.pin() {
            return Err(Error::bad("CA certificate", "is not of the CA's key"));
        }
        let params = ca_params(&cluster, Lifetime { from: SKEW, length: read.not_after })?;
        let certificate = Issued { der: certificate.to_vec(), not_after: read.not_after };
        Ok(Self { cluster, issuer: Issuer::new(params, key), certificate })
    }

    /// What joiners pin.
    pub fn pin(&self) -> Pin {
        self.issuer.key().pin()
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Issued {
        &self.certificate
    }

    /// The cluster.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// A member's certificate: for a client, for one identity, and nothing else, whatever
    /// the request asked for. `serial` is 16 random bytes.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn issue_member(
        &self,
        request: &CertificateRequest,
        (role, id): (Role, IdentityId),
        lifetime: Lifetime,
        serial: [u8; 16],
    ) -> Result<Issued, Error> {
        let mut params = self.leaf(Subject::Member(role, id), lifetime, serial)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, request.key(), lifetime)
    }

    /// The cluster-manager's certificate: for a server. `names` are addresses and DNS names
    /// for clients that know no SPIFFE ids, like curl.
    ///
    /// # Errors
    /// When a name is none, or the library refuses.
    pub fn issue_server(
        &self,
        key: &ControlKey,
        names: &[String],
        lifetime: Lifetime,
        serial: [u8; 16],
    ) -> Result<Issued, Error> {
        let mut params = self.leaf(Subject::ClusterManager, lifetime, serial)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for name in names {
            let san = match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(
                    name.as_str().try_into().map_err(|error| Error::bad("name", error))?,
                ),
            };
            params.subject_alt_names.push(san);
        }
        self.sign(&params, key, lifetime)
    }

    fn leaf(
        &self,
        subject: Subject,
        lifetime: Lifetime,
        serial: [u8; 16],
    ) -> Result<CertificateParams, Error> {
        let spiffe = Spiffe { cluster: self.cluster.clone(), subject }.to_string();
        let uri = spiffe.as_str().try_into().map_err(|error| Error::bad("SPIFFE id", error))?;
        let mut params = dated(lifetime)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.serial_number = Some(SerialNumber::from_slice(&positive(serial)));
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    fn sign(
        &self,
        params: &CertificateParams,
        key: &impl PublicKeyData,
        lifetime: Lifetime,
    ) -> Result<Issued, Error> {
        let made = params.signed_by(key, &self.issuer);
        let made = made.map_err(|error| Error::bad("certificate", error))?;
        Ok(Issued { der: made.der().to_vec(), not_after: lifetime.end() })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// A serial number is positive (RFC 5280, section 4.1.2.2).
fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    serial[0] = (serial[0] & 0x7f) | 0x40;
    serial
}

fn ca_params(cluster: &ClusterId, lifetime: Lifetime) -> Result<CertificateParams, Error> {
    let mut params = dated(lifetime)?;
    params.distinguished_name.push(DnType::CommonName, format!("Wireguard CNI {cluster}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn dated(lifetime: Lifetime) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = moment(lifetime.from.saturating_sub(SKEW))?;
    params.not_after = moment(lifetime.end())?;
    Ok(params)
}

fn moment(since_epoch: Duration) -> Result<OffsetDateTime, Error> {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| Error::bad("time", error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::KeyPair;
    use x509_parser::prelude::{FromDer, X509Certificate};

    const NOW: Duration = Duration::from_hours(500_000);
    const DAY: Lifetime = Lifetime { from: NOW, length: Duration::from_hours(24) };

    fn authority() -> Authority {
        let key = ControlKey::generate().unwrap();
        Authority::new(ClusterId::from_random([1; 16]), key, DAY).unwrap()
    }

    #[test]
    fn whatever_a_request_asks_for_a_member_gets_one_name_and_one_use() {
        let authority = authority();
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mut greedy = CertificateParams::new(["evil.example".to_owned()]).unwrap();
        greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        greedy.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let operator = format!("spiffe://{}/operator/0202020202020202", authority.cluster());
        let uri = SanType::URI(operator.as_str().try_into().unwrap());
        greedy.subject_alt_names.push(uri);
        greedy.distinguished_name.push(DnType::OrganizationName, "operators");
        // The library refuses to write some of these into a request: then there is less to
        // ask for.
        let request = greedy.serialize_request(&pair).or_else(|_| {
            greedy.is_ca = IsCa::NoCa;
            greedy.serialize_request(&pair)
        });
        let request = CertificateRequest::from_der(request.unwrap().der()).unwrap();
        let id = IdentityId::from_random([3; 8]);
        let issued = authority.issue_member(&request, (Role::Node, id), DAY, [9; 16]).unwrap();
        let read = Certificate::from_der(&issued.der).unwrap();
        let spiffe = read.spiffe.unwrap();
        assert_eq!(spiffe.subject, Subject::Member(Role::Node, id));
        assert_eq!((read.is_ca, read.pin), (false, request.pin()));
        assert_eq!(read.not_after, NOW + Duration::from_hours(24));
        let (_, x509) = X509Certificate::from_der(&issued.der).unwrap();
        let uses = x509.extended_key_usage().unwrap().unwrap().value;
        assert!(uses.client_auth && !uses.server_auth && !uses.any, "{uses:?}");
        assert_eq!(x509.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 1);
        assert_eq!(x509.subject().iter().count(), 0);
    }

    #[test]
    fn an_authority_is_restored_with_its_own_certificate_only() {
        let (one, two) = (authority(), authority());
        let key = |a: &Authority| ControlKey::from_pem(&a.issuer.key().to_pem()).unwrap();
        let cluster = one.cluster().clone();
        let der = &one.certificate().der;
        let again = Authority::restore(cluster.clone(), key(&one), der).unwrap();
        assert_eq!((again.pin(), &again.certificate().der), (one.pin(), der));
        assert!(Authority::restore(cluster.clone(), key(&two), der).is_err());
        let server = ControlKey::generate().unwrap();
        let leaf = one.issue_server(&server, &["127.0.0.1".into()], DAY, [1; 16]).unwrap();
        assert!(Authority::restore(cluster, key(&one), &leaf.der).is_err());
    }
}
