//! The list of runs: one directory each, written before anything else is made and
//! removed last, so that whatever a killed run left can be found by name.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::mount::umount;

use crate::host::MOUNT_POINTS;
use crate::netns;

const DIRECTORY: &str = "/run/wgcni-lab";

/// Names of directories that a run had to make on the machine; the last run takes
/// them away again.
const MADE: &str = "made";

const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// One run of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    id: String,
}

impl Run {
    /// Registers a new run under an id that no other has.
    ///
    /// # Errors
    /// When this is not root.
    pub fn create() -> Result<Self> {
        let _lock = lock()?;
        fs::create_dir_all(DIRECTORY).context("make the list of runs (are you root?)")?;
        make_missing(&MOUNT_POINTS)?;
        make_missing(&[netns::DIRECTORY])?;
        loop {
            let run = Self { id: random_id()? };
            match fs::create_dir(run.directory()) {
                Ok(()) => {
                    let owner = format!("{} {}", process::id(), start_time("self")?);
                    fs::write(run.directory().join("owner"), owner)?;
                    return Ok(run);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All registered runs, also those that were killed.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        let entries = match fs::read_dir(DIRECTORY) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut runs = Vec::new();
        for entry in entries {
            let id = entry?.file_name().to_string_lossy().into_owned();
            if id != MADE {
                runs.push(Self { id });
            }
        }
        Ok(runs)
    }

    /// The id that all of the run's names begin with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Name of something that belongs to the run.
    pub fn name_of(&self, what: &str) -> String {
        format!("{}-{what}", self.id)
    }

    /// Directory of the run's logs and files.
    pub fn directory(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.id)
    }

    /// Process id of the run's owner, while it runs.
    pub fn living_owner(&self) -> Option<i32> {
        let owner = fs::read_to_string(self.directory().join("owner")).ok()?;
        let (id, started) = owner.split_once(' ')?;
        let alive = start_time(id).is_ok_and(|now| now == started);
        alive.then(|| id.parse().ok()).flatten()
    }

    /// Whether this process made the run.
    pub fn is_own(&self) -> bool {
        self.living_owner().and_then(|id| u32::try_from(id).ok()) == Some(process::id())
    }

    /// Takes the run off the list; the last one also removes what runs had to make
    /// on the machine.
    ///
    /// # Errors
    /// When its directory cannot be removed.
    pub fn forget(&self) -> Result<()> {
        let _lock = lock()?;
        match fs::remove_dir_all(self.directory()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if Self::all()?.is_empty() {
            remove_directories();
        }
        Ok(())
    }
}

/// Serialises runs that begin and end. The lock is on a directory that is always
/// there, so that it leaves nothing behind.
fn lock() -> Result<Flock<File>> {
    match Flock::lock(File::open("/run")?, FlockArg::LockExclusive) {
        Ok(lock) => Ok(lock),
        Err((_, errno)) => bail!("lock the list of runs: {errno}"),
    }
}

/// Sees to it that directories are there on the machine, for hosts to mount over, until
/// the last run ends.
///
/// # Errors
/// When one is missing and cannot be made.
pub fn make_directories(paths: &[&str]) -> Result<()> {
    let _lock = lock()?;
    make_missing(paths)
}

fn make_missing(paths: &[&str]) -> Result<()> {
    let mut made = File::options().create(true).append(true).open(made())?;
    for &path in paths {
        if !Path::new(path).exists() {
            fs::create_dir_all(path).with_context(|| path.to_owned())?;
            writeln!(made, "{path}")?;
        }
    }
    Ok(())
}

fn remove_directories() {
    let list = fs::read_to_string(made()).unwrap_or_default();
    for path in list.lines() {
        // Whoever uses a directory now keeps it: neither call takes away one that
        // holds something. `ip netns` has mounted its directory onto itself.
        if path == netns::DIRECTORY {
            let _ = umount(path);
        }
        let _ = fs::remove_dir(path);
    }
    let _ = fs::remove_file(made());
    let _ = fs::remove_dir(DIRECTORY);
}

fn made() -> PathBuf {
    Path::new(DIRECTORY).join(MADE)
}

/// `wl` and five letters or digits.
fn random_id() -> io::Result<String> {
    let mut bytes = [0_u8; 5];
    io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut bytes)?;
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    Ok(format!("wl{}", bytes.map(letter).iter().collect::<String>()))
}

/// When a process started (field 22 of proc(5) stat): tells it from a later one
/// with the same id.
fn start_time(id: &str) -> Result<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after_name = stat.rsplit_once(')').context("malformed stat")?.1;
    let field = after_name.split_whitespace().nth(19);
    field.map(str::to_owned).context("malformed stat")
}
