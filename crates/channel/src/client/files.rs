//! A member on disk: `member.json`, and beside it `control.key`, 0600.
//!
//! The two are a pair: the certificate in one is about the other. A new key lies in
//! `pending.key` before anybody is asked to certify it, so that a lost answer can be asked
//! for again, and stays there until `member.json` is replaced: whenever the process is
//! killed, one of the two keys is the certificate's.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wgcni_daemon::files::{FileError, atomic_write, ensure_private_dir, sync_dir};
use wgcni_daemon::sealed::{seal, unseal};
use wgcni_fault::around;
use wgcni_identity::ControlKey;
use zeroize::Zeroizing;

use super::member::Member;
use super::stored::Stored;

/// How often a pair is read again that another process may be replacing just now.
const READS: usize = 3;

/// Why a member's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("{} has mode {mode:04o}: others may read it; run: chmod 0600 {}", path.display(), path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not what was written.
    #[error("{} is damaged ({why}); restore it, or remove {} and join again", path.display(), directory(path).display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// They do not belong together.
    #[error("{} and {} are no pair: one of the two is of another time; restore it, or remove both and join again", member.display(), key.display())]
    NoPair {
        /// The member's file.
        member: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// One is gone.
    #[error("{} is missing, and {} is there; restore the first, or remove the second and join again", gone.display(), other.display())]
    Lost {
        /// The missing file.
        gone: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// They cannot be written.
    #[error("store the member")]
    Store(#[from] FileError),
    /// No key can be made.
    #[error("make a control key")]
    Key(#[from] wgcni_identity::Error),
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    move |source| FilesError::Io { action, path: path.to_owned(), source }
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> FilesError {
    FilesError::Damaged { path: path.to_owned(), why: why.to_string() }
}

/// The files of one member in one directory.
#[derive(Debug, Clone)]
pub struct MemberFiles {
    directory: PathBuf,
    member: PathBuf,
    key: PathBuf,
    pending: PathBuf,
}

impl MemberFiles {
    /// The files in `directory`, which is made (0700) when something is stored.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            member: directory.join("member.json"),
            key: directory.join("control.key"),
            pending: directory.join("pending.key"),
        }
    }

    /// Reads the member; `None` when nobody joined here yet.
    ///
    /// # Errors
    /// A file that others may read, that is damaged, or not of the same pair.
    pub fn load(&self) -> Result<Option<Member>, FilesError> {
        for _ in 1..READS {
            match self.load_once() {
                Err(FilesError::NoPair { .. } | FilesError::Lost { .. }) => {}
                read => return read,
            }
        }
        self.load_once()
    }

    fn load_once(&self) -> Result<Option<Member>, FilesError> {
        let Some(bytes) = read(&self.member)? else {
            let lost = || FilesError::Lost { gone: self.member.clone(), other: self.key.clone() };
            return if self.key.exists() { Err(lost()) } else { Ok(None) };
        };
        let text = unseal(&bytes).map_err(|why| damaged(&self.member, why))?;
        let stored: Stored =
            serde_json::from_str(text).map_err(|error| damaged(&self.member, error))?;
        let certified = stored.certified().map_err(|why| damaged(&self.member, why))?;
        // First the pending one: it becomes the other one.
        for path in [&self.pending, &self.key] {
            if let Some(key) = read_key(path)?.filter(|key| key.pin() == certified) {
                let member = stored.into_member(key);
                return member.map(Some).map_err(|why| damaged(&self.member, why));
            }
        }
        let (member, key) = (self.member.clone(), self.key.clone());
        if key.exists() {
            Err(FilesError::NoPair { member, key })
        } else {
            Err(FilesError::Lost { gone: key, other: member })
        }
    }

    /// Stores the member. Once this returns, it is there after a crash, too.
    ///
    /// # Errors
    /// When the files cannot be written; then the former ones hold.
    pub fn store(&self, member: &Member) -> Result<(), FilesError> {
        ensure_private_dir(&self.directory)?;
        if read_key(&self.pending)?.is_none_or(|pending| pending.pin() != member.key.pin()) {
            self.write_pending(&member.key)?;
        }
        let text = seal(Stored::from(member).to_text());
        around!("member.file", atomic_write(&self.member, text.as_bytes(), 0o600))?;
        self.settle()
    }

    /// The key to be certified next: the one that waits already, or a new one. It waits on
    /// disk until a member with it is stored.
    ///
    /// # Errors
    /// When what waits cannot be read, or a new one not be made or written.
    pub fn pending_key(&self, member: Option<&Member>) -> Result<Arc<ControlKey>, FilesError> {
        ensure_private_dir(&self.directory)?;
        if let Some(pending) = read_key(&self.pending)? {
            if member.is_none_or(|member| member.key.pin() != pending.pin()) {
                return Ok(pending);
            }
            // It was certified, and the process killed before it was put in its place.
            self.settle()?;
        }
        let key = Arc::new(ControlKey::generate()?);
        self.write_pending(&key)?;
        Ok(key)
    }

    /// Forgets the key that waits: who was refused with it is refused again, for what was
    /// revoked or removed includes its keys. May be repeated.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget_pending(&self) -> Result<(), FilesError> {
        remove(&self.pending)
    }

    /// Removes the member. May be repeated.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove(&self) -> Result<(), FilesError> {
        [&self.pending, &self.key, &self.member].into_iter().try_for_each(|path| remove(path))?;
        if self.directory.exists() {
            sync_dir(&self.directory)?;
        }
        Ok(())
    }

    /// Keeps other processes from renewing this member until the result is dropped. Waits
    /// for them.
    ///
    /// # Errors
    /// When the lock's file cannot be opened or locked.
    pub(crate) fn lock(&self) -> Result<File, FilesError> {
        ensure_private_dir(&self.directory)?;
        let path = self.directory.join("member.lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(failed("open", &path))?;
        file.lock().map_err(failed("lock", &path))?;
        Ok(file)
    }

    fn write_pending(&self, key: &ControlKey) -> Result<(), FilesError> {
        let text = key.to_pem();
        Ok(around!("member.pending-key", atomic_write(&self.pending, text.as_bytes(), 0o600))?)
    }

    /// The pending key becomes the key.
    fn settle(&self) -> Result<(), FilesError> {
        around!("member.key", fs::rename(&self.pending, &self.key))
            .map_err(failed("replace", &self.key))?;
        Ok(sync_dir(&self.directory)?)
    }
}

fn remove(path: &Path) -> Result<(), FilesError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed("remove", path)),
    }
}

/// Reads a file that nobody else may read; `None` when there is none.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, FilesError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("inspect", path)(error)),
    };
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FilesError::Loose { path: path.to_owned(), mode });
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn read_key(path: &Path) -> Result<Option<Arc<ControlKey>>, FilesError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(path, "it is no text"))?;
    let key = ControlKey::from_pem(text).map_err(|_| damaged(path, "it holds no key"))?;
    Ok(Some(Arc::new(key)))
}
