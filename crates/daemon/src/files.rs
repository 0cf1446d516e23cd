//! Files that must survive a crash, in directories that only we may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;
use wgcni_fault::around;

/// A file or directory is not as it must be.
#[derive(Debug, Error)]
pub enum FileError {
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
    /// Others may read or write it.
    #[error("{} has mode {mode:04o}: others may enter it; run: chmod 0700 {}", path.display(), path.display())]
    Loose {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is something else.
    #[error("{} is not a directory", .0.display())]
    NotDirectory(PathBuf),
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Io { action, path: path.to_owned(), source }
}

/// Makes a directory for secrets (0700), with its parents (0755), unless it exists.
///
/// # Errors
/// When it exists and others may enter it, or cannot be made.
pub fn ensure_private_dir(path: &Path) -> Result<(), FileError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io_error("create", path)(error)),
    }
    let metadata = fs::metadata(path).map_err(io_error("inspect", path))?;
    if !metadata.is_dir() {
        return Err(FileError::NotDirectory(path.to_owned()));
    }
    let mode = metadata.mode() & 0o7777;
    let others = mode & 0o077;
    if others != 0 {
        return Err(FileError::Loose { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Replaces a file by `bytes`: after a crash it holds the old or the new content,
/// never a part; once this returns, the new. The mode holds from the first byte.
///
/// # Errors
/// When the file cannot be written, synced or renamed; nothing is left behind then.
pub fn atomic_write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = temporary_beside(path);
    let undo = Remove(&temporary);
    around!("file.temporary", write_new(&temporary, bytes, mode))?;
    around!("file.replace", fs::rename(&temporary, path)).map_err(io_error("replace", path))?;
    std::mem::forget(undo);
    around!("file.sync-directory", sync_dir(directory))
}

/// Makes the entries of a directory durable.
///
/// # Errors
/// When it cannot be opened or synced.
pub fn sync_dir(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(io_error("sync", path))
}

/// Removes what writes of [`atomic_write`] left in a directory when their process was killed.
/// Only for whoever holds the lock that says that nobody else writes there.
///
/// # Errors
/// When the directory cannot be read, or a file not be removed.
pub fn remove_temporaries(directory: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(directory).map_err(io_error("list", directory))? {
        let entry = entry.map_err(io_error("list", directory))?;
        if is_temporary(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
    }
    Ok(())
}

/// Whether a name is one of [`temporary_beside`].
fn is_temporary(name: &str) -> bool {
    let mut parts = name.rsplitn(3, '.');
    let (random, process) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    name.starts_with('.')
        && parts.next().is_some_and(|file| file.len() > 1)
        && random.len() == 8
        && random.bytes().all(|b| b.is_ascii_hexdigit())
        && process.parse::<u32>().is_ok()
}

/// A name that no other writer of the same file uses, in this process or another.
fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{:08x}", std::process::id(), rand::random::<u32>()));
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let mut file = create_new(path, mode).map_err(io_error("create", path))?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("sync", path))
}

fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask may have taken bits that the caller asked for.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

/// Removes a file when dropped.
struct Remove<'a>(&'a Path);

impl Drop for Remove<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn replaces_the_content_and_leaves_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        atomic_write(&path, b"one", 0o600).unwrap();
        atomic_write(&path, b"two", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode(&path), 0o644);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_killed_writes_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let left = temporary_beside(&dir.path().join("state.json"));
        let others =
            [".hidden", "state.json", ".12.0123abcd", ".state.json.x.0123abcd", "a.1.0123abcd"];
        for path in [&left].into_iter().chain(&others.map(|name| dir.path().join(name))) {
            fs::write(path, "").unwrap();
        }
        remove_temporaries(dir.path()).unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), others.len());
    }

    #[test]
    fn failed_write_leaves_the_old_content_and_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = atomic_write(&path, b"x", 0o600).unwrap_err();
        assert!(error.to_string().starts_with("replace "), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn private_directory_is_made_and_a_loose_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        ensure_private_dir(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        ensure_private_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let error = ensure_private_dir(&path).unwrap_err();
        assert!(error.to_string().contains("mode 0750"), "{error}");
    }

    #[test]
    fn file_in_place_of_the_directory_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = ensure_private_dir(file.path()).unwrap_err();
        assert!(matches!(error, FileError::NotDirectory(_)), "{error}");
    }
}
