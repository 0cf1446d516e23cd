//! What must be remembered of the directory between two runs: without it a start on a
//! lost mount would look like deleted files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wgcni_daemon::files::{FileError, atomic_write};
use wgcni_daemon::sealed::{seal, unseal};
use wgcni_model::NodeName;

use super::Directory;

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The directory that was last believed.
    pub directory: Option<Directory>,
    /// Names whose files are missing, which is not believed.
    pub missing: BTreeSet<NodeName>,
}

/// It cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{} is damaged ({why}); remove it when the whitelist directory has all its files", path.display())]
pub(crate) struct Damaged {
    path: PathBuf,
    why: String,
}

impl Memory {
    /// Where it is, in a state directory.
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("whitelist.json")
    }

    /// Reads it; nothing is remembered where there is no file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(path: &Path) -> Result<Self, Damaged> {
        let damaged = |why: String| Damaged { path: path.to_owned(), why };
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes.map_err(|error| damaged(error.to_string()))?,
        };
        let text = unseal(&bytes).map_err(|why| damaged(why.to_owned()))?;
        serde_json::from_str(text).map_err(|error| damaged(error.to_string()))
    }

    /// Writes it down.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store(&self, path: &Path) -> Result<(), FileError> {
        // Numbers and names: this cannot fail.
        let text = serde_json::to_string(self).unwrap_or_default();
        atomic_write(path, seal(text).as_bytes(), 0o600)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_remembered_is_known_again_and_damage_is_no_blank() {
        let dir = tempfile::tempdir().unwrap();
        let path = Memory::path(dir.path());
        assert_eq!(Memory::load(&path).unwrap(), Memory::default());
        let memory = Memory {
            directory: Some(Directory { device: 1, inode: 2 }),
            missing: ["ash".parse().unwrap()].into(),
        };
        memory.store(&path).unwrap();
        assert_eq!(Memory::load(&path).unwrap(), memory);
        fs::write(&path, "{}").unwrap();
        assert!(Memory::load(&path).is_err());
    }
}
