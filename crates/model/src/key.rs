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
        if LOW_ORDER.contains(&key) {
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

/// The points of low order on the curve and its twist, in canonical form, little-endian:
/// 0, 1, the two of order 8, -1 (RFC 7748, section 7; <https://cr.yp.to/ecdh.html>).
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    first_byte([0; 32], 1),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    first_byte(last_byte([0xff; 32], 0x7f), 0xec),
];

const fn first_byte(mut bytes: [u8; 32], byte: u8) -> [u8; 32] {
    bytes[0] = byte;
    bytes
}

const fn last_byte(mut bytes: [u8; 32], byte: u8) -> [u8; 32] {
    bytes[31] = byte;
    bytes
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

    /// The secret that the holders of two keys share (RFC 7748, section 6.1), never zero: no
    /// public key has low order.
    pub fn diffie_hellman(&self, other: &PublicKey) -> Zeroizing<[u8; 32]> {
        let own = StaticSecret::from(*self.0);
        let shared = own.diffie_hellman(&x25519_dalek::PublicKey::from(other.0));
        Zeroizing::new(shared.to_bytes())
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

    /// Low order means: a shared secret of zero with whatever key, for scalars are clamped to
    /// multiples of the cofactor.
    fn has_low_order(key: [u8; 32]) -> bool {
        x25519_dalek::x25519([1; 32], key) == [0; 32]
    }

    #[test]
    fn points_of_low_order_are_refused() {
        for key in LOW_ORDER {
            assert!(has_low_order(key), "{key:x?}");
            assert!(PublicKey::from_bytes(&key).is_err(), "{key:x?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_taken_is_canonical_and_not_of_low_order(key: [u8; 32]) {
            if PublicKey::from_bytes(&key).is_ok() {
                proptest::prop_assert!(key[31] < 0x80 && !has_low_order(key));
            }
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
