//! The node's keys: one for the mesh, one for the hub, so that containers never learn
//! mesh keys. Made once, in the state directory, readable by their owner alone.

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
}

fn key(path: &Path) -> Result<PrivateKey, IdentityError> {
    match fs::metadata(path) {
        Ok(file) => {
            let mode = file.mode() & 0o7777;
            let loose = mode & 0o077 != 0;
            if loose { Err(IdentityError::Loose { path: path.into(), mode }) } else { read(path) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(IdentityError::Read(path.into(), error)),
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
}
