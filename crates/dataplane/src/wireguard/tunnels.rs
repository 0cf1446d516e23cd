//! Client of the tunnels process's control socket: one JSON object per line each way.

use crate::error::{Doing, Error};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    Shutdown {},
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok {
        #[serde(default)]
        devices: Vec<String>,
    },
    Error {
        errno: i32,
        message: String,
    },
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
        self.ask(&Ask::Create { name }).map(drop)
    }

    /// Deletes a device, wherever its link has been moved; gone already is success.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn delete(&self, name: &str) -> Result<(), Error> {
        match self.ask(&Ask::Delete { name }) {
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
        self.ask(&Ask::List {})
    }

    /// Deletes all devices and ends the process; not running is success.
    ///
    /// # Errors
    /// The process runs and does not answer.
    pub fn shutdown(&self) -> Result<(), Error> {
        match self.ask(&Ask::Shutdown {}) {
            // Without a process behind it, a socket is missing or refuses.
            Err(e) if matches!(e.errno(), Some(libc::ENOENT | libc::ECONNREFUSED)) => Ok(()),
            other => other.map(drop),
        }
    }

    fn ask(&self, ask: &Ask<'_>) -> Result<Vec<String>, Error> {
        let what = || format!("ask {} to {ask:?}", self.0.display());
        match self.exchange(ask).doing(what)? {
            Answer::Ok { devices } => Ok(devices),
            Answer::Error { errno, message } => {
                Err(Error::Tunnels { what: what(), errno, message })
            }
        }
    }

    fn exchange(&self, ask: &Ask<'_>) -> io::Result<Answer> {
        let mut stream = UnixStream::connect(&self.0)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}
