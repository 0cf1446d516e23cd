//! The key that a member's certificate is about.

use std::fmt;

use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _};
use wgcni_model::Invalid;
use zeroize::Zeroizing;

use crate::{CertificateRequest, Error, Pin};

/// An Ed25519 key pair: a member's control key, or the CA's.
pub struct ControlKey(KeyPair);

impl ControlKey {
    /// Makes a key. The randomness is the cryptographic library's own.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        let pair = KeyPair::generate_for(&PKCS_ED25519);
        Ok(Self(pair.map_err(|error| Error::bad("control key", error))?))
    }

    /// Reads a stored key: PKCS #8 in PEM.
    ///
    /// # Errors
    /// Anything else. The text is not echoed.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(text, &PKCS_ED25519);
        let why = "is not an Ed25519 key in PKCS #8 PEM";
        Ok(Self(pair.map_err(|_| Invalid::new("control key", "..", why))?))
    }

    /// The text form, for the key's own file only.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.serialize_pem())
    }

    /// PKCS #8 in DER, for TLS.
    pub fn to_der(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialize_der())
    }

    /// The hash of its public half.
    pub fn pin(&self) -> Pin {
        Pin::of_spki(&self.0.subject_public_key_info())
    }

    /// Asks for a certificate, and proves that the key is here.
    ///
    /// # Errors
    /// When the library refuses to sign.
    pub fn request(&self) -> Result<CertificateRequest, Error> {
        CertificateRequest::sign(&self.0)
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }
}

impl fmt::Debug for ControlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_survive_text_and_do_not_print() {
        let key = ControlKey::generate().unwrap();
        let again = ControlKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.pin(), key.pin());
        assert_eq!(format!("{key:?}"), "ControlKey(..)");
        let cut = &key.to_pem()[..60];
        let error = ControlKey::from_pem(cut).unwrap_err().to_string();
        assert!(!error.contains(&cut[30..50]), "{error}");
    }
}
