//! Unix sockets for root and for the daemon's own user, and for nobody else.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use axum::serve::Listener;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use nix::sys::stat::{Mode, fchmod};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};

/// Connections that may wait to be accepted: more than containers start at once on a node.
const BACKLOG: i32 = 256;

/// A listening socket of mode 0600 whose file goes with it.
#[derive(Debug)]
pub struct RootSocket {
    listener: UnixListener,
    path: PathBuf,
    own: u32,
}

impl RootSocket {
    /// Listens on `path`. What lies there is replaced: the caller holds the lock that
    /// says that no living daemon of its kind does. A symbolic link stays, and where it leads
    /// is listened on: a daemon that is not root has its socket in a directory of its own, and
    /// its callers know one place.
    ///
    /// # Errors
    /// When others may write into its directory, or the system refuses.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let target = &followed(path);
        // Whoever can replace the link can replace the socket.
        for dir in [path.parent(), target.parent()].into_iter().flatten() {
            prepare(dir)?;
        }
        let path = target;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        // The file that bind() makes has the socket's mode: it is never open to others.
        fchmod(&fd, Mode::S_IRUSR | Mode::S_IWUSR)?;
        bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        listen(&fd, Backlog::new(BACKLOG)?)?;
        let listener = UnixListener::from_std(fd.into())?;
        let own = nix::unistd::geteuid().as_raw();
        Ok(Self { listener, path: path.to_owned(), own })
    }

    /// Whether whoever is at the other end may call.
    fn admits(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == 0 || peer.uid() == self.own => true,
            Ok(peer) => {
                tracing::warn!(uid = peer.uid(), pid = ?peer.pid(), "refused a caller: not root");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "refused a caller: its credentials are unknown");
                false
            }
        }
    }
}

impl Drop for RootSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Listener for RootSocket {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) if self.admits(&stream) => return (stream, address),
                Ok(_) => {}
                Err(error) => {
                    // Out of descriptors, most likely: some are freed meanwhile.
                    tracing::warn!(%error, "accept a caller");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Where a symbolic link leads, else the path itself. One step only: what is behind it is
/// replaced.
fn followed(path: &Path) -> PathBuf {
    match fs::read_link(path) {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path.to_owned(),
    }
}

/// Makes the sockets' directory, or proves that nobody else can replace a socket in it.
///
/// # Errors
/// When others may write into it, or it cannot be made.
pub fn prepare(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mode = fs::metadata(dir)?.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let why = format!("{} has mode {mode:04o}: others may write into it", dir.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    #[tokio::test]
    async fn only_the_owner_reaches_the_socket_and_a_dead_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/own.sock");
        fs::create_dir(path.parent().unwrap()).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = RootSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn link_at_its_place_stays_and_leads_to_the_socket() {
        let dir = tempfile::tempdir().unwrap();
        let (link, inside) = (dir.path().join("own.sock"), dir.path().join("its/own.sock"));
        std::os::unix::fs::symlink("its/own.sock", &link).unwrap();
        for _ in 0..2 {
            let socket = RootSocket::bind(&link).unwrap();
            assert!(fs::symlink_metadata(&inside).unwrap().file_type().is_socket());
            UnixStream::connect(&link).await.unwrap();
            drop(socket);
            assert!(link.is_symlink() && !inside.exists());
        }
    }

    #[tokio::test]
    async fn callers_that_are_not_root_are_hung_up_on() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = dir.path().join("own.sock");
        let mut socket = RootSocket::bind(&path).unwrap();
        // As if somebody had opened it to all: the credentials must hold alone.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let nobody = std::thread::spawn({
            let path = path.clone();
            move || {
                become_nobody();
                let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
                io::Read::read(&mut stream, &mut [0]).unwrap()
            }
        });
        let refused = tokio::select! {
            _ = socket.accept() => false,
            read = tokio::task::spawn_blocking(|| nobody.join().unwrap()) => read.unwrap() == 0,
        };
        assert!(refused, "the connection ends without an answer");
        let root = tokio::spawn(async move { UnixStream::connect(path).await.unwrap() });
        socket.accept().await;
        root.await.unwrap();
    }

    /// Makes the calling thread, and no other, nobody's.
    #[allow(unsafe_code)]
    fn become_nobody() {
        // SAFETY: plain numbers; the raw call changes this thread only, unlike libc's.
        let done = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(done, 0);
    }

    #[tokio::test]
    async fn directory_that_others_may_write_into_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = RootSocket::bind(&dir.path().join("own.sock")).unwrap_err();
        assert!(error.to_string().contains("mode 0777"), "{error}");
    }
}
