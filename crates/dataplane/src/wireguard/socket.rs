//! Unix sockets of a process that may be stopped: nothing waits on them for ever.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection on which reading and writing wait at most for `patience` each time.
///
/// # Errors
/// Nobody listens, or so many wait already that the process must be stopped.
pub(super) fn open(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    // A blocking one would wait for its turn, without limit.
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?).map_err(|e| late(e.into()))?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// What the system calls "temporarily unavailable" is time that is up.
pub(super) fn late(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        io::Error::new(io::ErrorKind::TimedOut, "the tunnels process does not answer")
    } else {
        error
    }
}
