//! X25519 keys as WireGuard uses them.

use crate::invalid::Invalid;
use crate::text::serde_as_text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

/// A public key: 32 bytes, canonical (RFC 7748: below 2^255 - 19, top bit clear) and not
/// of low order, so that no handshake with it can be predicted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Accepts 32 bytes that are a usable public key.
    ///
    /// # Errors
    /// Another length, an encoding that is not canonical, a point of low order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let invalid = |why: &str| Invalid::new("public key", STANDARD.encode(cut(bytes)), why);
        let key: [u8; 32] =
            bytes.try_into().map_err(|_| invalid(&format!("has {} bytes, not 32", bytes.len())))?;
        if !is_canonical(&key) {
            return Err(invalid("is not a canonical encoding"));
        }
        if has_low_order(key) {
            return Err(invalid("has low order"));
        }
        Ok(Self(key))
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The part of a refused value that is worth encoding for an error.
fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(48)]
}

/// Whether the little-endian number is below the field's prime 2^255 - 19.
fn is_canonical(key: &[u8; 32]) -> bool {
    let largest = key[31] == 0x7f && key[1..31].iter().all(|&b| b == 0xff);
    key[31] < 0x80 && !(largest && key[0] >= 0xed)
}

/// Whether the Diffie-Hellman function maps the point to zero for every secret: scalars
/// are clamped to multiples of the cofactor, so one secret proves it for all.
fn has_low_order(key: [u8; 32]) -> bool {
    x25519_dalek::x25519([1; 32], key) == [0; 32]
}

impl FromStr for PublicKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| Invalid::new("public key", text, "is not base64 of 32 bytes"))?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

serde_as_text!(PublicKey);

/// A private key: 32 bytes, clamped, wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct PrivateKey(Zeroizing<[u8; 32]>);

impl PrivateKey {
    /// Makes a key of 32 random bytes (RFC 7748, section 5: the bytes are clamped, so
    /// that what the kernel stores and what we compare are the same).
    pub fn from_random(mut bytes: [u8; 32]) -> Self {
        bytes[0] &= 0xf8;
        bytes[31] = (bytes[31] & 0x7f) | 0x40;
        Self(Zeroizing::new(bytes))
    }

    /// Reads a stored key: base64 of 32 bytes.
    ///
    /// # Errors
    /// Anything else. The text is not echoed.
    pub fn from_base64(text: &str) -> Result<Self, Invalid> {
        let bytes = STANDARD.decode(text).map(Zeroizing::new).ok();
        let key = bytes.and_then(|b| <[u8; 32]>::try_from(b.as_slice()).ok());
        key.map(Self::from_random)
            .ok_or_else(|| Invalid::new("private key", "..", "is not base64 of 32 bytes"))
    }

    /// The text form, for the key's own file only.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> PublicKey {
        let secret = StaticSecret::from(*self.0);
        PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

impl PartialEq for PrivateKey {
    /// Compares the public keys: equal exactly when the private ones are, and no timing of
    /// a byte-wise comparison leaks.
    fn eq(&self, other: &Self) -> bool {
        self.public_key() == other.public_key()
    }
}

impl Eq for PrivateKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The points of low order in canonical form (RFC 7748, section 7; Bernstein's list).
    const LOW_ORDER: [&str; 5] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn points_of_low_order_are_refused() {
        for key in LOW_ORDER {
            assert!(PublicKey::from_bytes(&hex(key)).is_err(), "{key}");
        }
    }

    #[test]
    fn other_encodings_of_the_same_point_are_refused() {
        let key = PrivateKey::from_random([9; 32]).public_key();
        let mut high = *key.as_bytes();
        high[31] |= 0x80;
        assert!(PublicKey::from_bytes(&high).is_err());
        for low in [0xed, 0xee, 0xff] {
            let mut above = [0xff; 32];
            (above[0], above[31]) = (low, 0x7f);
            assert!(PublicKey::from_bytes(&above).is_err());
        }
    }

    #[test]
    fn keys_survive_text_and_only_exact_text_is_taken() {
        let key = PrivateKey::from_random([3; 32]);
        let public = key.public_key();
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(PrivateKey::from_base64(&key.to_base64()).unwrap(), key);
        for bad in ["", "AAAA", &format!("{public}\n"), &public.to_string()[..43]] {
            assert!(bad.parse::<PublicKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn private_keys_do_not_print() {
        let key = PrivateKey::from_random([3; 32]);
        assert_eq!(format!("{key:?}"), "PrivateKey(..)");
        let error = PrivateKey::from_base64("c2VjcmV0").unwrap_err().to_string();
        assert!(!error.contains("c2VjcmV0"));
    }
}
