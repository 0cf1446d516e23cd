//! Changes that somebody else makes to what is ours, as the kernel tells them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wgcni_dataplane::{Error, Parts, Watch};

use crate::errors::chain;
use crate::reconcile::Reconciler;

/// How long changes gather before they are looked at: our own are among them, and a pass
/// that finds nothing to do costs more than the wait.
const GATHER: Duration = Duration::from_millis(250);

/// Longest time until a request to end is noticed.
const TICK: Duration = Duration::from_millis(500);

/// Looks in a row at the firewall, which costs six programs each time.
const LOOKS: u32 = 10;

/// Time until one more of them may be taken: some host's other tools write rules all day.
const REST: Duration = Duration::from_secs(5);

/// The threads that listen. They end when dropped.
#[derive(Debug)]
pub struct Notifications {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Notifications {
    /// Listens in the network namespace of the caller.
    ///
    /// # Errors
    /// When the kernel gives no socket or no thread.
    pub fn start(reconciler: &Arc<Reconciler>) -> anyhow::Result<Self> {
        let mut listening = Self { stop: Arc::default(), threads: Vec::new() };
        listening.listen("notifications", Watch::open()?, None, reconciler)?;
        match Watch::firewall() {
            Ok(watch) => {
                let pace = Some(Pace::new(Instant::now()));
                listening.listen("firewall", watch, pace, reconciler)?;
            }
            Err(error) => {
                let error = chain(&error);
                tracing::info!(%error, "changes of the firewall are found at the next resync");
            }
        }
        Ok(listening)
    }

    fn listen(
        &mut self,
        name: &str,
        watch: Watch,
        pace: Option<Pace>,
        reconciler: &Arc<Reconciler>,
    ) -> std::io::Result<()> {
        let (stop, reconciler) = (Arc::clone(&self.stop), Arc::clone(reconciler));
        let mut ears = Ears { watch, pace, stop };
        let thread = thread::Builder::new().name(name.to_owned());
        self.threads.push(thread.spawn(move || ears.listen(&reconciler))?);
        Ok(())
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// What one thread hears, and how often it may tell.
struct Ears {
    watch: Watch,
    pace: Option<Pace>,
    stop: Arc<AtomicBool>,
}

impl Ears {
    fn listen(&mut self, reconciler: &Reconciler) {
        while !self.stopped() {
            match self.gather() {
                Ok(parts) if parts.is_empty() => {}
                Ok(parts) => reconciler.look_at(parts),
                Err(error) => {
                    // The resync finds what is missed.
                    let error = chain(&error);
                    tracing::error!(%error, "listen for changes in the kernel");
                    return;
                }
            }
        }
    }

    /// What changed within a while after the first change.
    fn gather(&mut self) -> Result<Parts, Error> {
        let parts = self.watch.wait(TICK)?;
        if parts.is_empty() {
            return Ok(parts);
        }
        let now = Instant::now();
        let due = self.pace.as_mut().map_or(now, |pace| pace.take(now)).max(now + GATHER);
        while !self.stopped() && Instant::now() < due {
            thread::sleep(TICK.min(due.saturating_duration_since(Instant::now())));
        }
        Ok(parts | self.watch.drain()?)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A few looks at once, then one now and then.
#[derive(Debug)]
struct Pace {
    /// When all of the looks may be taken again.
    full: Instant,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { full: now }
    }

    /// Takes a look: when.
    fn take(&mut self, now: Instant) -> Instant {
        self.full = self.full.max(now) + REST;
        self.full.checked_sub(REST * LOOKS).map_or(now, |due| due.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_looks_are_taken_at_once_and_then_one_now_and_then() {
        let start = Instant::now() + REST * LOOKS;
        let mut pace = Pace::new(start);
        for _ in 0..LOOKS {
            assert_eq!(pace.take(start), start);
        }
        assert_eq!(pace.take(start), start + REST);
        // A flood takes as many as there are, however long it lasts.
        let (mut now, mut looks) = (start + REST, 0);
        while now < start + Duration::from_hours(1) {
            now = pace.take(now);
            looks += 1;
        }
        assert!(looks <= 3600 / REST.as_secs() + 1, "{looks}");
        // After a rest, some at once again.
        let later = now + REST * LOOKS * 2;
        for _ in 0..LOOKS {
            assert_eq!(pace.take(later), later);
        }
        assert!(pace.take(later) > later);
    }
}
