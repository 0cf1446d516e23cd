//! Client of the tunnels process's control socket: one JSON object per line each way.

use super::socket;
use crate::error::{Doing, Error};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the protocol that this client speaks.
pub const PROTOCOL: u32 = 1;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer: a list of some 50,000 devices.
const LONGEST: u64 = 1 << 20;

/// The tunnels process, by its socket. Connects anew for each request, so that the process
/// may be restarted at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnels(PathBuf);

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ask<'a> {
    Create { name: &'a str },
    Delete { name: &'a str },
    List {},
    Version {},
    Shutdown {},
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(Success),
    Error { errno: i32, message: String },
}

#[derive(Debug, Default, Deserialize)]
struct Success {
    #[serde(default)]
    devices: Vec<String>,
    #[serde(default)]
    version: u32,
}

impl Tunnels {
    /// The process that listens at `socket`.
    pub fn at(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// Makes a device in the network namespace of the tunnels process.
    ///
    /// # Errors
    /// EEXIST, or what else stands in the way.
    pub fn create(&self, name: &str) -> Result<(), Error> {
        self.ask(&Ask::Create { name }, None).map(drop)
    }

    /// Makes a device whose link is born in another network namespace; its UDP socket is in the
    /// tunnels process's all the same.
    ///
    /// # Errors
    /// EEXIST, or what else stands in the way.
    pub fn create_in(&self, name: &str, namespace: BorrowedFd<'_>) -> Result<(), Error> {
        self.ask(&Ask::Create { name }, Some(namespace)).map(drop)
    }

    /// Deletes a device, wherever its link is; gone already is success.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn delete(&self, name: &str) -> Result<(), Error> {
        match self.ask(&Ask::Delete { name }, None) {
            Err(error) if error.errno() == Some(libc::ENODEV) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The names of all devices, as they were created. Also a cheap way to ask whether the
    /// process runs.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        self.ask(&Ask::List {}, None).map(|success| success.devices)
    }

    /// The version of the protocol that the process speaks; 0 is before there were any. It may
    /// be another program than this one: it outlives upgrades.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn version(&self) -> Result<u32, Error> {
        match self.ask(&Ask::Version {}, None) {
            Err(error) if error.errno() == Some(libc::EINVAL) => Ok(0),
            other => other.map(|success| success.version),
        }
    }

    /// Whether the process runs and has devices.
    ///
    /// # Errors
    /// The process runs and does not answer.
    pub fn has_devices(&self) -> Result<bool, Error> {
        match self.list() {
            Err(error) if is_absence(&error) => Ok(false),
            other => other.map(|devices| !devices.is_empty()),
        }
    }

    /// Deletes all devices and ends the process; not running is success.
    ///
    /// # Errors
    /// The process runs and does not answer.
    pub fn shutdown(&self) -> Result<(), Error> {
        match self.ask(&Ask::Shutdown {}, None) {
            // One that ends just now answers nobody any more.
            Err(error) if is_absence(&error) || error.errno() == Some(libc::ECONNRESET) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Asks, and sends a descriptor along.
    fn ask(&self, ask: &Ask<'_>, rights: Option<BorrowedFd<'_>>) -> Result<Success, Error> {
        let what = || format!("ask {} to {ask:?}", self.0.display());
        match self.exchange(ask, rights).doing(what)? {
            Answer::Ok(success) => Ok(success),
            Answer::Error { errno, message } => {
                Err(Error::Tunnels { what: what(), errno, message })
            }
        }
    }

    fn exchange(&self, ask: &Ask<'_>, rights: Option<BorrowedFd<'_>>) -> io::Result<Answer> {
        let mut stream = socket::open(&self.0, PATIENCE)?;
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        let rights = rights.map(|descriptor| [descriptor.as_raw_fd()]);
        let rights = rights.as_ref().map(|rights| ControlMessage::ScmRights(rights));
        let (whole, flags) = ([IoSlice::new(&line)], MsgFlags::MSG_NOSIGNAL);
        let sent = sendmsg::<()>(stream.as_raw_fd(), &whole, rights.as_slice(), flags, None)?;
        stream.write_all(&line[sent..]).map_err(socket::late)?;
        let mut answer = Vec::new();
        let read = BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer);
        if read.map_err(socket::late)? == 0 {
            return Err(io::Error::from_raw_os_error(libc::ECONNRESET));
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}

/// Without a process behind it, a socket is missing or refuses.
fn is_absence(error: &Error) -> bool {
    matches!(error.errno(), Some(libc::ENOENT | libc::ECONNREFUSED))
}
