//! One node-manager for one state directory.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// How long a node-manager that was killed may still have the lock: a program that it was
/// just starting has it, too, until that is loaded.
const LINGER: Duration = Duration::from_secs(1);

/// Held as long as this program works on the host.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is there to be dropped")] Flock<File>);

impl Lock {
    /// Takes the lock of a state directory.
    ///
    /// # Errors
    /// When another node-manager has it.
    pub fn take(state_dir: &Path) -> anyhow::Result<Self> {
        let path = state_dir.join("lock");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.with_context(|| format!("open {}", path.display()))?;
        let end = Instant::now() + LINGER;
        let mut file = file;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self(lock)),
                Err((file, Errno::EWOULDBLOCK)) if Instant::now() < end => file,
                Err((_, Errno::EWOULDBLOCK)) => {
                    anyhow::bail!("another node-manager runs with {}", state_dir.display())
                }
                Err((_, errno)) => {
                    return Err(errno).with_context(|| format!("lock {}", path.display()));
                }
            };
            sleep(Duration::from_millis(10));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_lock_that_is_about_to_be_let_go_is_waited_for_and_another_refused() {
        let dir = tempfile::tempdir().unwrap();
        let dying = Lock::take(dir.path()).unwrap();
        let let_go = std::thread::spawn(move || {
            sleep(LINGER / 10);
            drop(dying);
        });
        let living = Lock::take(dir.path()).unwrap();
        let_go.join().unwrap();
        let error = Lock::take(dir.path()).unwrap_err();
        assert!(error.to_string().contains("another node-manager runs"), "{error}");
        drop(living);
    }
}
