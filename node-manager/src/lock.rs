//! One node-manager for one state directory.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

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
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self(lock)),
            Err((_, Errno::EWOULDBLOCK)) => {
                anyhow::bail!("another node-manager runs with {}", state_dir.display())
            }
            Err((_, errno)) => Err(errno).with_context(|| format!("lock {}", path.display())),
        }
    }
}
