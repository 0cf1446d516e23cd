//! Turns: while a DEL takes interfaces out of a namespace, no ADD makes one there.
//!
//! Otherwise a DEL that was just answered could take the interface of an ADD that came
//! after it, whose attachment would stay. The lock is on the namespace itself, so that it
//! leaves nothing behind, and ends with the process.

use std::fs::File;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

/// Longest wait: whoever hangs holds nobody up for long. What happens then is what the
/// node-manager decides.
const PATIENCE: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(2);

/// A turn, until it is dropped.
pub struct Turn {
    #[cfg_attr(not(test), expect(dead_code, reason = "held, and let go when it is dropped"))]
    lock: Option<Flock<File>>,
}

impl Turn {
    /// Of an ADD: beside other ADDs.
    pub fn shared(netns: &str) -> Self {
        Self::take(netns, FlockArg::LockSharedNonblock)
    }

    /// Of a DEL: alone.
    pub fn alone(netns: &str) -> Self {
        Self::take(netns, FlockArg::LockExclusiveNonblock)
    }

    fn take(netns: &str, how: FlockArg) -> Self {
        // A namespace that is gone has no turns.
        let Ok(mut file) = File::open(netns) else { return Self { lock: None } };
        let end = Instant::now() + PATIENCE;
        loop {
            match Flock::lock(file, how) {
                Ok(lock) => return Self { lock: Some(lock) },
                Err(_) if Instant::now() > end => return Self { lock: None },
                Err((again, _)) => file = again,
            }
            sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn adds_go_side_by_side_and_a_del_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let (one, two) = (Turn::shared(path), Turn::shared(path));
        assert!(one.lock.is_some() && two.lock.is_some());
        assert!(Turn::alone(path).lock.is_none());
        drop((one, two));
        let alone = Turn::alone(path);
        assert!(alone.lock.is_some() && Turn::shared(path).lock.is_none());
        drop(alone);
        assert!(Turn::shared(path).lock.is_some());
        assert!(Turn::alone("/nowhere").lock.is_none());
    }
}
