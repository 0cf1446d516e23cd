//! The node's keys: one for the mesh, one for the hub, so that containers never learn
//! mesh keys. Made once, in the state directory, readable by their owner alone.
//!
//! Beside each `NAME.key` lies `NAME.pub`, the public half: for people, and as the proof that
//! the key is the one that was made. Any 32 bytes are a key, also after damage.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use rand::rngs::OsRng;
use wgcni_daemon::files::{FileError, atomic_write};
use wgcni_fault::around;
use wgcni_model::{Invalid, PrivateKey};
use zeroize::Zeroizing;

use crate::membership::Keys;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read.
    #[error("read key {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// Others may read it.
    #[error("key {} has mode {mode:04o}: others may read it; run: chmod 0600 {}", path.display(), path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error("key {} is damaged", .0.display())]
    Damaged(PathBuf, #[source] Invalid),
    /// It is not what was made.
    #[error("key {} and {} are no pair: one of the two is damaged; restore it", key.display(), public.display())]
    NoPair {
        /// The key's file.
        key: PathBuf,
        /// The public key's file.
        public: PathBuf,
    },
    /// It is gone.
    #[error("key {} is missing, and {} is there; restore the key, or remove the other for a new identity", key.display(), public.display())]
    Lost {
        /// The key's file.
        key: PathBuf,
        /// The public key's file.
        public: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("get random bytes for a key")]
    Random(#[source] rand::rand_core::OsError),
    /// It cannot be stored.
    #[error("store a new key")]
    Store(#[source] FileError),
}

/// The node's keys.
#[derive(Debug, Clone)]
pub struct Identity {
    /// For the other nodes.
    pub mesh: PrivateKey,
    /// For the containers.
    pub hub: PrivateKey,
}

impl Identity {
    /// Reads the keys in `state_dir`, making those that are missing.
    ///
    /// # Errors
    /// A key that others may read, that is damaged, or that cannot be stored.
    pub fn load_or_make(state_dir: &Path) -> Result<Self, IdentityError> {
        Ok(Self { mesh: key(&state_dir.join("mesh.key"))?, hub: key(&state_dir.join("hub.key"))? })
    }

    /// The public halves.
    pub fn public(&self) -> Keys {
        Keys { mesh: self.mesh.public_key(), hub: self.hub.public_key() }
    }
}

fn key(path: &Path) -> Result<PrivateKey, IdentityError> {
    let public = path.with_extension("pub");
    match fs::metadata(path) {
        Ok(file) => {
            let mode = file.mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(IdentityError::Loose { path: path.into(), mode });
            }
            let key = read(path)?;
            prove(&key, path, public)?;
            Ok(key)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(IdentityError::Read(path.into(), error))
        }
        Err(_) if public.exists() => Err(IdentityError::Lost { key: path.into(), public }),
        Err(_) => {
            let key = make(path)?;
            prove(&key, path, public)?;
            Ok(key)
        }
    }
}

/// Compares a key with its public half; writes that where there is none yet.
fn prove(key: &PrivateKey, path: &Path, public: PathBuf) -> Result<(), IdentityError> {
    let text = format!("{}\n", key.public_key());
    match fs::read(&public) {
        Ok(found) if found == text.as_bytes() => Ok(()),
        Ok(_) => Err(IdentityError::NoPair { key: path.into(), public }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            around!("node.public-keys", atomic_write(&public, text.as_bytes(), 0o644))
                .map_err(IdentityError::Store)
        }
        Err(error) => Err(IdentityError::Read(public, error)),
    }
}

fn read(path: &Path) -> Result<PrivateKey, IdentityError> {
    let text = fs::read_to_string(path).map_err(|e| IdentityError::Read(path.into(), e))?;
    let text = Zeroizing::new(text);
    PrivateKey::from_base64(text.trim_end()).map_err(|e| IdentityError::Damaged(path.into(), e))
}

fn make(path: &Path) -> Result<PrivateKey, IdentityError> {
    let mut bytes = Zeroizing::new([0; 32]);
    OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(IdentityError::Random)?;
    let key = PrivateKey::from_random(*bytes);
    let text = Zeroizing::new(format!("{}\n", *key.to_base64()));
    around!("node.keys", atomic_write(path, text.as_bytes(), 0o600))
        .map_err(IdentityError::Store)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_made_once_and_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::load_or_make(dir.path()).unwrap();
        let again = Identity::load_or_make(dir.path()).unwrap();
        assert_eq!((&first.mesh, &first.hub), (&again.mesh, &again.hub));
        assert_ne!(first.mesh, first.hub);
        for file in ["mesh.key", "hub.key"] {
            assert_eq!(fs::metadata(dir.path().join(file)).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn loose_and_damaged_keys_are_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        Identity::load_or_make(dir.path()).unwrap();
        let path = dir.path().join("hub.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Identity::load_or_make(dir.path()).unwrap_err();
        assert!(error.to_string().contains("mode 0640"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "c2VjcmV0\n").unwrap();
        let error = Identity::load_or_make(dir.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Damaged(..)), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"c2VjcmV0\n");
    }

    #[test]
    fn keys_that_are_not_what_was_made_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let whole = Identity::load_or_make(dir.path()).unwrap();
        for name in ["hub.key", "hub.pub"] {
            let path = dir.path().join(name);
            let text = fs::read(&path).unwrap();
            for at in 0..text.len() {
                for damage in [text[..at].to_vec(), flipped(&text, at)] {
                    fs::write(&path, &damage).unwrap();
                    match Identity::load_or_make(dir.path()) {
                        // What X25519 takes no notice of (RFC 7748, 5), and white space.
                        Ok(found) => {
                            assert_eq!(found.hub.public_key(), whole.hub.public_key(), "{at}");
                            assert_eq!(name, "hub.key");
                        }
                        Err(error) => assert!(error.to_string().contains(name), "{error}"),
                    }
                }
            }
            fs::write(&path, &text).unwrap();
        }
        fs::remove_file(dir.path().join("hub.key")).unwrap();
        let error = Identity::load_or_make(dir.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Lost { .. }), "{error}");
        fs::remove_file(dir.path().join("hub.pub")).unwrap();
        assert_eq!(Identity::load_or_make(dir.path()).unwrap().mesh, whole.mesh);
    }

    fn flipped(text: &[u8], at: usize) -> Vec<u8> {
        let mut text = text.to_vec();
        text[at] ^= 1 << (at % 8);
        text
    }
}
