//! Secrets: bytes that do not print and are wiped.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wgcni_model::Invalid;
use zeroize::Zeroizing;

/// 256 random bits that entitle to something.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// A secret of 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Anything but unpadded base64url of 32 bytes. The text is not echoed.
    pub fn from_text(text: &str) -> Result<Self, Invalid> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).ok();
        let secret = bytes.and_then(|b| <[u8; 32]>::try_from(b.as_slice()).ok());
        let why = "is not unpadded base64url of 32 bytes";
        secret.map(Self::from_random).ok_or_else(|| Invalid::new("secret", "..", why))
    }

    /// The text form, for whoever may have it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What may be stored of a secret that is only compared: 32 bytes.
    pub fn hash(&self) -> [u8; 32] {
        *derive(self.as_bytes(), "stored secret", &[])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A key for one purpose out of a secret of full entropy: HMAC-SHA-256 as a pseudorandom
/// function (RFC 5869, section 2.3, with one block).
pub(crate) fn derive(secret: &[u8], purpose: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(b"wgcni v1 ");
    context.update(purpose.as_bytes());
    for part in parts {
        context.update(&length(part));
        context.update(part);
    }
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(context.sign().as_ref());
    key
}

/// The length of a part, so that no two lists of parts look the same.
pub(crate) fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_survive_text_and_do_not_print() {
        let secret = Secret::from_random([9; 32]);
        assert_eq!(Secret::from_text(&secret.to_text()).unwrap().as_bytes(), secret.as_bytes());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        let error = Secret::from_text("c2VjcmV0").unwrap_err().to_string();
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }

    #[test]
    fn keys_differ_by_purpose_and_parts() {
        let keys = [
            derive(&[1; 32], "a", &[]),
            derive(&[2; 32], "a", &[]),
            derive(&[1; 32], "b", &[]),
            derive(&[1; 32], "a", &[b"x"]),
            derive(&[1; 32], "a", &[b"x", b""]),
            derive(&[1; 32], "a", &[b"", b"x"]),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "{n}");
        }
    }
}
