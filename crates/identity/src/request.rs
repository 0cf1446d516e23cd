//! Certificate requests: only their key counts.

use rcgen::{CertificateParams, KeyPair, SubjectPublicKeyInfo};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::{Error, Pin};

/// Largest request in bytes: ours have about 130.
const MAX: usize = 2048;

/// A certificate request (PKCS #10, RFC 2986) whose signature holds, of an Ed25519 key.
/// Names, uses and extensions that it asks for are not even kept.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    der: Vec<u8>,
    key: SubjectPublicKeyInfo,
    pin: Pin,
}

impl CertificateRequest {
    /// Reads foreign bytes.
    ///
    /// # Errors
    /// When they are no request, of another kind of key, or not signed by it.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let bad = |why: &str| Error::bad("certificate request", why);
        if der.len() > MAX {
            return Err(bad("is too large"));
        }
        let (rest, request) = X509CertificationRequest::from_der(der)
            .map_err(|_| bad("is not a PKCS #10 request in DER"))?;
        if !rest.is_empty() {
            return Err(bad("has more bytes than it says"));
        }
        let spki = request.certification_request_info.subject_pki.raw;
        let key = SubjectPublicKeyInfo::from_der(spki).map_err(|_| bad("has an unknown key"))?;
        if !is_ed25519(&key) {
            return Err(bad("is not of an Ed25519 key"));
        }
        request.verify_signature().map_err(|_| bad("is not signed by its key"))?;
        Ok(Self { der: der.to_vec(), pin: Pin::of_spki(spki), key })
    }

    pub(crate) fn sign(pair: &KeyPair) -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let request = params
            .serialize_request(pair)
            .map_err(|error| Error::bad("certificate request", error))?;
        Self::from_der(request.der())
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The hash of the key that it is about.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    pub(crate) fn key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }
}

fn is_ed25519(key: &SubjectPublicKeyInfo) -> bool {
    use rcgen::PublicKeyData as _;
    key.algorithm() == &rcgen::PKCS_ED25519
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ControlKey;

    #[test]
    fn requests_are_of_their_key_and_changed_ones_are_refused() {
        let key = ControlKey::generate().unwrap();
        let request = key.request().unwrap();
        assert_eq!(request.pin(), key.pin());
        let again = CertificateRequest::from_der(request.der()).unwrap();
        assert_eq!(again.pin(), request.pin());
        for at in 0..request.der().len() {
            let mut changed = request.der().to_vec();
            changed[at] ^= 1;
            // The signature's own label is not signed, and is not looked at.
            let taken = CertificateRequest::from_der(&changed).ok();
            assert!(taken.is_none_or(|taken| taken.pin() == key.pin() && at > 50), "byte {at}");
        }
        let longer = [request.der(), b"x"].concat();
        assert!(CertificateRequest::from_der(&longer).is_err());
    }

    #[test]
    fn other_kinds_of_keys_are_refused() {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let request = CertificateParams::default().serialize_request(&pair).unwrap();
        let error = CertificateRequest::from_der(request.der()).unwrap_err();
        assert!(error.to_string().contains("Ed25519"), "{error}");
    }
}
