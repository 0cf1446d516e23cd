//! The proofs of joining.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use wgcni_model::{PrivateKey, PublicKey};

use crate::secret::derive;
use crate::{Error, Secret, Transcript};

/// What is kept of a ticket's secret: a key that verifies what the secret signs. It does
/// not let its reader join, as a shared key or a hash that is compared would.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier([u8; 32]);

/// Proof of a credential's secret: an Ed25519 signature with a key made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialProof([u8; 64]);

/// Proof of a mesh private key: HMAC-SHA-256 under what it and the challenge's key share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshProof([u8; 32]);

impl Secret {
    /// What may be kept of it to check its proofs.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn verifier(&self) -> Result<Verifier, Error> {
        let pair = signing_key(self)?;
        let bytes = pair.public_key().as_ref().try_into();
        Ok(Verifier(bytes.map_err(|_| Error::bad("secret", "has no verifier"))?))
    }

    /// Proves that it is here.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn prove(&self, transcript: &Transcript<'_>) -> Result<CredentialProof, Error> {
        let signature = signing_key(self)?.sign(&transcript.hash());
        let bytes = signature.as_ref().try_into();
        Ok(CredentialProof(bytes.map_err(|_| Error::bad("secret", "signs nothing"))?))
    }
}

fn signing_key(secret: &Secret) -> Result<Ed25519KeyPair, Error> {
    let seed = derive(secret.as_bytes(), "credential proof", &[]);
    Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
        .map_err(|error| Error::bad("secret", error))
}

impl Verifier {
    /// Checks a proof.
    ///
    /// # Errors
    /// [`Error::Proof`] when it does not hold.
    pub fn check(&self, transcript: &Transcript<'_>, proof: &CredentialProof) -> Result<(), Error> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(&transcript.hash(), &proof.0)
            .map_err(|_| Error::Proof("the credential"))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Serialize for Verifier {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Verifier {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_ref()).ok().and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("is not base64url of 32 bytes"))
    }
}

impl CredentialProof {
    /// Reads foreign bytes.
    ///
    /// # Errors
    /// When they are not 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let why = format!("has {} bytes, not 64", bytes.len());
        bytes.try_into().map(Self).map_err(|_| Error::bad("credential proof", why))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl MeshProof {
    /// Proves the mesh private key to whoever has the challenge's.
    pub fn new(mesh: &PrivateKey, transcript: &Transcript<'_>) -> Self {
        let key = key(mesh, &transcript.server_ephemeral);
        let mut proof = [0; 32];
        proof.copy_from_slice(hmac::sign(&key, &transcript.hash()).as_ref());
        Self(proof)
    }

    /// Checks it with the challenge's private key.
    ///
    /// # Errors
    /// [`Error::Proof`] when it does not hold.
    pub fn check(
        &self,
        ephemeral: &PrivateKey,
        mesh: &PublicKey,
        transcript: &Transcript<'_>,
    ) -> Result<(), Error> {
        hmac::verify(&key(ephemeral, mesh), &transcript.hash(), &self.0)
            .map_err(|_| Error::Proof("the mesh key"))
    }

    /// Reads foreign bytes.
    ///
    /// # Errors
    /// When they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let why = format!("has {} bytes, not 32", bytes.len());
        bytes.try_into().map(Self).map_err(|_| Error::bad("mesh proof", why))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn key(own: &PrivateKey, other: &PublicKey) -> hmac::Key {
    let shared = own.diffie_hellman(other);
    hmac::Key::new(hmac::HMAC_SHA256, &*derive(shared.as_slice(), "mesh proof", &[]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{CertificateRequest, ControlKey, CredentialKind, Exporter, Pin, TicketId};
    use wgcni_model::{ClusterId, NodeName};

    struct Join {
        cluster: ClusterId,
        name: NodeName,
        request: CertificateRequest,
        mesh: PrivateKey,
        ephemeral: PrivateKey,
    }

    impl Join {
        fn new() -> Self {
            Self {
                cluster: ClusterId::from_random([1; 16]),
                name: "ash".parse().unwrap(),
                request: ControlKey::generate().unwrap().request().unwrap(),
                mesh: PrivateKey::from_random([2; 32]),
                ephemeral: PrivateKey::from_random([3; 32]),
            }
        }

        fn transcript(&self) -> Transcript<'_> {
            Transcript {
                cluster: &self.cluster,
                server: Pin::from_bytes([4; 32]),
                connection: Exporter::from_bytes([5; 32]),
                challenge: b"sealed",
                server_nonce: [6; 32],
                server_ephemeral: self.ephemeral.public_key(),
                client_nonce: [7; 32],
                name: &self.name,
                credential: CredentialKind::Ticket(TicketId::from_random([8; 8])),
                request: &self.request,
                mesh_key: Some(self.mesh.public_key()),
            }
        }
    }

    #[test]
    fn a_secret_is_proven_to_whoever_knows_only_its_verifier() {
        let join = Join::new();
        let secret = Secret::from_random([9; 32]);
        let verifier = secret.verifier().unwrap();
        let proof = secret.prove(&join.transcript()).unwrap();
        assert_eq!(verifier.check(&join.transcript(), &proof), Ok(()));
        let other = Secret::from_random([10; 32]).prove(&join.transcript()).unwrap();
        assert!(verifier.check(&join.transcript(), &other).is_err());
        // The verifier is no secret to join with.
        let stolen = Secret::from_random(verifier.0).prove(&join.transcript()).unwrap();
        assert!(verifier.check(&join.transcript(), &stolen).is_err());
    }

    #[test]
    fn the_mesh_key_is_proven_by_its_private_half_alone() {
        let join = Join::new();
        let transcript = join.transcript();
        let (ephemeral, public) = (&join.ephemeral, join.mesh.public_key());
        let proof = MeshProof::new(&join.mesh, &transcript);
        assert_eq!(proof.check(ephemeral, &public, &transcript), Ok(()));
        let other = MeshProof::new(&PrivateKey::from_random([12; 32]), &transcript);
        assert!(other.check(ephemeral, &public, &transcript).is_err());
    }

    #[test]
    fn nothing_can_be_swapped_after_the_proof() {
        let join = Join::new();
        let (secret, whole) = (Secret::from_random([9; 32]), join.transcript());
        let verifier = secret.verifier().unwrap();
        let proof = secret.prove(&whole).unwrap();
        let (cluster, name) = (ClusterId::from_random([2; 16]), "elm".parse().unwrap());
        let request = ControlKey::generate().unwrap().request().unwrap();
        let key = Some(PrivateKey::from_random([11; 32]).public_key());
        let other = TicketId::from_random([1; 8]);
        let swapped = [
            Transcript { cluster: &cluster, ..whole },
            Transcript { server: Pin::from_bytes([0; 32]), ..whole },
            Transcript { connection: Exporter::from_bytes([0; 32]), ..whole },
            Transcript { challenge: b"seale", ..whole },
            Transcript { server_nonce: [0; 32], ..whole },
            Transcript { server_ephemeral: join.mesh.public_key(), ..whole },
            Transcript { client_nonce: [0; 32], ..whole },
            Transcript { name: &name, ..whole },
            Transcript { credential: CredentialKind::SecurityKey, ..whole },
            Transcript { credential: CredentialKind::Ticket(other), ..whole },
            Transcript { request: &request, ..whole },
            Transcript { mesh_key: key, ..whole },
            Transcript { mesh_key: None, ..whole },
        ];
        for (n, swapped) in swapped.iter().enumerate() {
            assert_eq!(
                verifier.check(swapped, &proof),
                Err(Error::Proof("the credential")),
                "swap {n}"
            );
        }
    }
}
