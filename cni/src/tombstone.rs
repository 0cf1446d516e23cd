//! A DEL for a node-manager that is down: one file for each attachment, which the
//! node-manager reads before it serves anybody.

use crate::error::Error;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use wgcni_fault::around;
use wgcni_model::AttachmentKey;

/// Most tombstones that may wait. Further DELs fail then, and the runtime repeats them:
/// nothing is lost, and the disk does not fill.
const MOST: usize = 10_000;

/// The kernel's name of this boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What a tombstone says.
#[derive(Serialize)]
struct Said<'a> {
    #[serde(flatten)]
    key: &'a AttachmentKey,
    /// When the DEL began, and in which boot: what began before is late.
    #[serde(flatten)]
    began: Option<Began>,
}

#[derive(Serialize)]
struct Began {
    boot: String,
    /// Since boot, suspended or not.
    began_ns: u64,
}

/// The tombstone of an attachment.
pub struct Tombstone<'a> {
    directory: &'a Path,
    key: &'a AttachmentKey,
    file: PathBuf,
    began: Option<Duration>,
}

impl<'a> Tombstone<'a> {
    /// The tombstone that `key` has, or would have.
    pub fn of(key: &'a AttachmentKey, directory: &'a Path) -> Self {
        let file = directory.join(format!("{:032x}.json", key.fingerprint()));
        Self { directory, key, file, began: None }
    }

    /// That of a DEL which began then, since boot: it ends what began before, too.
    pub fn since(self, began: Duration) -> Self {
        Self { began: Some(began), ..self }
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.file.exists()
    }

    /// Writes it, durably and whole or not at all.
    ///
    /// # Errors
    /// What the file system says; too many of them.
    pub fn write(&self) -> Result<(), Error> {
        self.try_write().map_err(|e| Error::Io(format!("write {}", self.file.display()), e))
    }

    /// Takes it away, if there is one.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), Error> {
        match around!("tombstone.remove", fs::remove_file(&self.file)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Error::Io(format!("remove {}", self.file.display()), e))
            }
            _ => Ok(()),
        }
    }

    fn try_write(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(self.directory)?;
        if !self.exists() && fs::read_dir(self.directory)?.count() >= MOST {
            return Err(io::Error::other(format!("{MOST} of them wait already")));
        }
        let temporary = self.file.with_extension(format!("{}.tmp", std::process::id()));
        let place = || around!("tombstone.place", fs::rename(&temporary, &self.file));
        let written =
            around!("tombstone.temporary", self.write_to(&temporary)).and_then(|()| place());
        if written.is_err() {
            // The error that matters is the first.
            let _ = fs::remove_file(&temporary);
        }
        written.and_then(|()| File::open(self.directory)?.sync_all())
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec(&self.said())?)?;
        file.sync_all()
    }

    fn said(&self) -> Said<'a> {
        let began = self.began.and_then(|began| {
            let boot = fs::read_to_string(BOOT).ok()?.trim().to_owned();
            Some(Began { boot, began_ns: u64::try_from(began.as_nanos()).ok()? })
        });
        Said { key: self.key, began }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(id: &str) -> AttachmentKey {
        AttachmentKey {
            network: "wgnet".parse().unwrap(),
            container_id: id.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }
    }

    #[test]
    fn a_tombstone_is_one_private_file_that_node_manager_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let tombs = dir.path().join("state/tombstones");
        let key = key("c1");
        let tombstone = Tombstone::of(&key, &tombs);
        tombstone.write().unwrap();
        tombstone.write().unwrap();
        let files: Vec<_> = fs::read_dir(&tombs).unwrap().map(|f| f.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        let text = fs::read_to_string(&files[0]).unwrap();
        assert_eq!(text, r#"{"network":"wgnet","container_id":"c1","ifname":"eth0"}"#);
        Tombstone::of(&key, &tombs).since(Duration::from_nanos(7)).write().unwrap();
        let text = fs::read_to_string(&files[0]).unwrap();
        let boot = fs::read_to_string(BOOT).unwrap();
        let began = format!(r#""ifname":"eth0","boot":"{}","began_ns":7}}"#, boot.trim());
        assert!(text.ends_with(&began), "{text}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&tombs), mode(&files[0])), (0o700, 0o600));
        tombstone.remove().unwrap();
        tombstone.remove().unwrap();
        assert!(!tombstone.exists());
    }

    #[test]
    fn no_more_tombstones_are_written_than_fit() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MOST {
            File::create(dir.path().join(n.to_string())).unwrap();
        }
        let key = key("c1");
        let error = Tombstone::of(&key, dir.path()).write().unwrap_err();
        assert_eq!(error.code(), 5);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MOST);
    }
}
