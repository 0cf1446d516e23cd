//! What a certificate says. Whether it holds is for whoever verifies the chain.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wgcni_model::Invalid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::{Error, Spiffe};

/// SHA-256 of a public key (`SubjectPublicKeyInfo` in DER, RFC 7469, section 2.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a public key.
    pub fn of_spki(der: &[u8]) -> Self {
        let mut pin = [0; 32];
        pin.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self(pin)
    }

    /// A pin as it was stored or sent.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl FromStr for Pin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let why = "is not unpadded base64url of 32 bytes";
        bytes.map(Self).ok_or_else(|| Invalid::new("pin", text, why))
    }
}

impl serde::Serialize for Pin {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Pin {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What of a certificate matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its key.
    pub pin: Pin,
    /// Who it is for; none for a CA's.
    pub spiffe: Option<Spiffe>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// End of its life, since the Unix epoch.
    pub not_after: Duration,
}

impl Certificate {
    /// Reads a certificate (X.509, DER).
    ///
    /// # Errors
    /// When it is none, or names more than one member.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let bad = |why: &str| Error::bad("certificate", why);
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| bad("is not X.509 in DER"))?;
        if !rest.is_empty() {
            return Err(bad("has more bytes than it says"));
        }
        let seconds = certificate.validity().not_after.timestamp();
        Ok(Self {
            pin: Pin::of_spki(certificate.public_key().raw),
            spiffe: spiffe(&certificate)?,
            is_ca: certificate.is_ca(),
            not_after: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        })
    }
}

fn spiffe(certificate: &X509Certificate<'_>) -> Result<Option<Spiffe>, Error> {
    let names = certificate.subject_alternative_name();
    let names = names.map_err(|_| Error::bad("certificate", "has more than one list of names"))?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let mut ids = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(uri.parse::<Spiffe>()),
        _ => None,
    });
    let first = ids.next().transpose()?;
    if ids.next().is_some() {
        return Err(Error::bad("certificate", "has more than one URI"));
    }
    Ok(first)
}
