//! Bodies of fuzz targets: what reads foreign bytes.

use crate::{
    Certificate, CertificateRequest, ControlKey, CredentialProof, JoinString, Secret, Spiffe,
};

/// Any bytes, to everything that reads some: refused, or they survive the way back.
pub fn foreign_bytes(bytes: &[u8]) {
    let _ = CertificateRequest::from_der(bytes).map(|request| {
        assert_eq!(request.der(), bytes);
    });
    let _ = Certificate::from_der(bytes);
    let _ = CredentialProof::from_bytes(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Secret::from_text(text).map(|secret| assert_eq!(*secret.to_text(), text));
    let _ = text.parse::<Spiffe>().map(|spiffe| assert_eq!(spiffe.to_string(), text));
    let _ = text.parse::<JoinString>().map(|join| {
        assert_eq!(*join.to_text(), text.trim());
    });
    let _ = ControlKey::from_pem(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn foreign_bytes_are_refused_or_survive(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            foreign_bytes(&bytes);
        }
    }
}
