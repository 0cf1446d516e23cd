//! One exchange with a device's UAPI socket, in bounded time.
//!
//! The library reads and writes the texts; its own client waits for ever on a process that
//! is stopped. <https://www.wireguard.com/xplatform/#configuration-protocol>

use super::socket;
use defguard_wireguard_rs::host::Host;
use defguard_wireguard_rs::key::Key;
use defguard_wireguard_rs::peer::Peer;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the sockets are; the same for every implementation.
const DIRECTORY: &str = "/var/run/wireguard";

/// Longest wait for an answer: below that of who waits for an attachment.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an engine may take for each peer of a whole configuration.
const PER_PEER: Duration = Duration::from_millis(10);

/// A device's socket.
pub(crate) struct Uapi(PathBuf);

impl Uapi {
    pub(super) fn of(device: &str) -> Self {
        Self(Path::new(DIRECTORY).join(format!("{device}.sock")))
    }

    /// Reads the device.
    pub(super) fn get(&self) -> io::Result<Host> {
        Host::parse_uapi(self.exchange("get=1\n\n", PATIENCE)?.as_bytes())
    }

    /// Sets key, port and all peers.
    pub(super) fn set(&self, host: &Host) -> io::Result<()> {
        let peers = u32::try_from(host.peers.len()).unwrap_or(u32::MAX);
        self.change(&host.as_uapi(), PATIENCE + PER_PEER * peers)
    }

    /// Adds a peer, or makes it so.
    pub(super) fn set_peer(&self, peer: &Peer) -> io::Result<()> {
        self.change(&peer.as_uapi_update(), PATIENCE)
    }

    /// Removes a peer; gone already is success.
    pub(super) fn remove_peer(&self, key: &Key) -> io::Result<()> {
        self.change(&Peer::new(key.clone()).as_uapi_remove(), PATIENCE)
    }

    fn change(&self, lines: &str, patience: Duration) -> io::Result<()> {
        self.exchange(&format!("set=1\n{lines}\n"), patience).map(drop)
    }

    /// Sends a request and returns the answer, which ends with an empty line.
    fn exchange(&self, request: &str, patience: Duration) -> io::Result<String> {
        let mut stream = socket::open(&self.0, patience)?;
        stream.write_all(request.as_bytes()).map_err(socket::late)?;
        let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
        while !answer.ends_with(b"\n\n") {
            match stream.read(&mut piece).map_err(socket::late)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => answer.extend_from_slice(&piece[..length]),
            }
        }
        let answer = String::from_utf8(answer).map_err(io::Error::other)?;
        let errno = answer.lines().find_map(|line| line.strip_prefix("errno="));
        match errno.and_then(|errno| errno.parse::<i32>().ok()) {
            Some(0) => Ok(answer),
            // Some implementations answer with the negative.
            Some(errno) => Err(io::Error::from_raw_os_error(errno.saturating_abs())),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer without errno")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread;
    use std::time::Instant;

    /// A socket whose server gives this answer to one request.
    fn server(answer: &'static str) -> (tempfile::TempDir, Uapi) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wg0.sock");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 100]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        (dir, Uapi(path))
    }

    #[test]
    fn a_device_is_read_and_its_refusals_keep_their_errno() {
        let (_dir, uapi) = server("listen_port=7\nerrno=0\n\n");
        assert_eq!(uapi.get().unwrap().listen_port, 7);
        for (answer, errno) in [("errno=98\n\n", Some(98)), ("errno=-98\n\n", Some(98))] {
            let (_dir, uapi) = server(answer);
            assert_eq!(uapi.change("", PATIENCE).unwrap_err().raw_os_error(), errno);
        }
        for (answer, kind) in [
            ("errno=0\n", io::ErrorKind::UnexpectedEof),
            ("listen_port=7\n\n", io::ErrorKind::InvalidData),
        ] {
            let (_dir, uapi) = server(answer);
            assert_eq!(uapi.get().unwrap_err().kind(), kind, "{answer:?}");
        }
    }

    #[test]
    fn a_process_that_is_stopped_is_an_error_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wg0.sock");
        // Listens, and never accepts: as a stopped process does.
        let _listener = UnixListener::bind(&path).unwrap();
        let uapi = Uapi(path);
        let start = Instant::now();
        let error = uapi.exchange("get=1\n\n", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        // Also when its queue is full.
        let waiting: Vec<_> = std::iter::from_fn(|| socket::open(&uapi.0, PATIENCE).ok()).collect();
        assert!(!waiting.is_empty());
        let error = uapi.get().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
