//! Challenges of which the server keeps nothing: sealed, and given to the joiner to bring
//! back.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use wgcni_model::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::{Error, Exporter, Secret};

/// Length of what is sealed: a private key, a nonce, an end in milliseconds.
const PLAIN: usize = 32 + 32 + 8;
const TAG: usize = 16;

/// What a joiner gets: 32 bytes of nonce and key, and the seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// For the server alone.
    pub sealed: Vec<u8>,
    /// Part of the transcript.
    pub nonce: [u8; 32],
    /// The server's half of the key exchange that proves the mesh key.
    pub ephemeral: PublicKey,
}

/// What the server reads from a challenge that came back.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Part of the transcript.
    pub nonce: [u8; 32],
    /// The server's half of the key exchange.
    pub ephemeral: PrivateKey,
}

/// Seals and opens the challenges of one run of a server.
#[derive(Debug)]
pub struct Sealer(RandomizedNonceKey);

impl Sealer {
    /// Challenges are sealed with this secret, which must not outlive the run.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn new(secret: &Secret) -> Result<Self, Error> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, secret.as_bytes());
        Ok(Self(key.map_err(|error| Error::bad("challenge", error))?))
    }

    /// Makes a challenge for one connection that is good until `end`, since the Unix epoch.
    /// `random` is 32 bytes for the key and 32 for the nonce.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn seal(
        &self,
        connection: &Exporter,
        end: Duration,
        random: ([u8; 32], [u8; 32]),
    ) -> Result<Challenge, Error> {
        let ephemeral = PrivateKey::from_random(random.0);
        let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX).to_be_bytes();
        let mut bytes = Zeroizing::new(Vec::with_capacity(PLAIN + TAG));
        for part in [ephemeral.as_bytes().as_slice(), &random.1, &end] {
            bytes.extend_from_slice(part);
        }
        let aad = Aad::from(connection.as_bytes());
        let nonce = self.0.seal_in_place_append_tag(aad, &mut *bytes);
        let nonce = nonce.map_err(|error| Error::bad("challenge", error))?;
        let sealed = [nonce.as_ref(), bytes.as_slice()].concat();
        Ok(Challenge { sealed, nonce: random.1, ephemeral: ephemeral.public_key() })
    }

    /// Opens a challenge that came back over `connection`.
    ///
    /// # Errors
    /// When it was not made here, was made for another connection, was changed, or is too
    /// old.
    pub fn open(
        &self,
        sealed: &[u8],
        connection: &Exporter,
        now: Duration,
    ) -> Result<Opened, Error> {
        if sealed.len() != NONCE_LEN + PLAIN + TAG {
            return Err(Error::Challenge);
        }
        let (nonce, rest) = sealed.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Challenge)?;
        let mut bytes = Zeroizing::new(rest.to_vec());
        let plain = self.0.open_in_place(nonce, Aad::from(connection.as_bytes()), &mut bytes);
        let plain = plain.map_err(|_| Error::Challenge)?;
        let part = |from: usize| plain.get(from..from + 32).and_then(|p| p.try_into().ok());
        let end = plain.get(64..72).and_then(|p| p.try_into().ok()).map(u64::from_be_bytes);
        let (Some(key), Some(nonce), Some(end)) = (part(0), part(32), end) else {
            return Err(Error::Challenge);
        };
        if now >= Duration::from_millis(end) {
            return Err(Error::Expired);
        }
        Ok(Opened { nonce, ephemeral: PrivateKey::from_random(key) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);
    const END: Duration = Duration::from_secs(1030);

    fn sealer(n: u8) -> Sealer {
        Sealer::new(&Secret::from_random([n; 32])).unwrap()
    }

    #[test]
    fn what_comes_back_over_the_same_connection_in_time_is_opened() {
        let (server, here) = (sealer(1), Exporter::from_bytes([5; 32]));
        let challenge = server.seal(&here, END, ([6; 32], [7; 32])).unwrap();
        let opened = server.open(&challenge.sealed, &here, NOW).unwrap();
        assert_eq!(opened.nonce, challenge.nonce);
        assert_eq!(opened.ephemeral.public_key(), challenge.ephemeral);
        let again = server.seal(&here, END, ([6; 32], [7; 32])).unwrap();
        assert_ne!(again.sealed, challenge.sealed);
    }

    #[test]
    fn stale_moved_foreign_and_changed_challenges_are_refused() {
        let (server, here) = (sealer(1), Exporter::from_bytes([5; 32]));
        let sealed = server.seal(&here, END, ([6; 32], [7; 32])).unwrap().sealed;
        let open = |server: &Sealer, sealed: &[u8], connection, now| {
            server.open(sealed, connection, now).map(drop)
        };
        assert_eq!(open(&server, &sealed, &here, END), Err(Error::Expired));
        let there = Exporter::from_bytes([4; 32]);
        assert_eq!(open(&server, &sealed, &there, NOW), Err(Error::Challenge));
        assert_eq!(open(&sealer(2), &sealed, &here, NOW), Err(Error::Challenge));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&server, &changed, &here, NOW), Err(Error::Challenge), "{at}");
            assert_eq!(open(&server, &sealed[..at], &here, NOW), Err(Error::Challenge), "{at}");
        }
    }
}
