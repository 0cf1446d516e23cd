//! Unix sockets that only their owner can reach, from the first moment on.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use nix::sys::stat::{Mode, fchmod};

/// A listening socket of mode 0600 whose file goes with it.
pub(crate) struct Listener {
    socket: tokio::net::UnixListener,
    path: PathBuf,
    /// Its file, while the socket is open: a number that no other file has.
    inode: u64,
}

impl Listener {
    /// Listens on `path`; a socket that a dead process left there is replaced.
    ///
    /// # Errors
    /// `AddrInUse` when a living process listens there, or the path is no socket.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let dir = path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // Who looks for a dead socket must not meet one that is just being made.
        let _alone = lock(dir)?;
        remove_stale(path)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        // The file that bind() makes inherits the socket's mode: it is never open to others.
        fchmod(&fd, Mode::S_IRUSR | Mode::S_IWUSR)?;
        bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        let path = path.to_owned();
        let undo = RemoveFile(Some(&path));
        // Who finds it full is turned away at once: room for a host that starts all its
        // containers at once.
        listen(&fd, Backlog::new(1024)?)?;
        let socket = tokio::net::UnixListener::from_std(fd.into())?;
        let inode = fs::symlink_metadata(&path)?.ino();
        undo.commit();
        Ok(Self { socket, path, inode })
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<tokio::net::UnixStream> {
        self.socket.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Another process may have taken the place already: what lies there is its own then.
        let _alone = self.path.parent().map(lock);
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Held by whoever makes or removes a socket in a directory.
fn lock(dir: &Path) -> io::Result<Flock<fs::File>> {
    Ok(Flock::lock(fs::File::open(dir)?, FlockArg::LockExclusive).map_err(|e| e.1)?)
}

/// Removes the file on drop, unless committed.
struct RemoveFile<'a>(Option<&'a Path>);

impl RemoveFile<'_> {
    fn commit(mut self) {
        self.0 = None;
    }
}

impl Drop for RemoveFile<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
        Ok(file) if !file.file_type().is_socket() => return Err(in_use("not a socket")),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(in_use("another process listens there")),
    }
}

fn in_use(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn only_the_owner_reaches_a_socket_and_its_file_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/a.sock");
        let listener = Listener::bind(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_that_ends_late_leaves_its_successors_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let old = Listener::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let new = Listener::bind(&path).unwrap();
        drop(old);
        UnixStream::connect(&path).unwrap();
        drop(new);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn dead_sockets_are_replaced_and_living_ones_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let living = Listener::bind(&path).unwrap();
        let refused = Listener::bind(&path).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
        drop(living);
        fs::write(&path, "precious").unwrap();
        assert!(Listener::bind(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
