//! Changes that somebody else makes to what is ours, as the kernel tells them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wgcni_dataplane::{Parts, Watch};

use crate::reconcile::Reconciler;

/// How long changes gather before they are looked at: our own are among them, and a pass
/// that finds nothing to do costs more than the wait.
const GATHER: Duration = Duration::from_millis(250);

/// Longest time until a request to end is noticed.
const TICK: Duration = Duration::from_millis(500);

/// The thread that listens. It ends when dropped.
#[derive(Debug)]
pub struct Notifications {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Notifications {
    /// Listens in the network namespace of the caller.
    ///
    /// # Errors
    /// When the kernel gives no socket or no thread.
    pub fn start(reconciler: Arc<Reconciler>) -> anyhow::Result<Self> {
        let watch = Watch::open()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("notifications".to_owned());
        let thread: io::Result<_> = thread.spawn(move || listen(&watch, &reconciler, &stopped));
        Ok(Self { stop, thread: Some(thread?) })
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(watch: &Watch, reconciler: &Reconciler, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match gather(watch) {
            Ok(parts) if parts.is_empty() => {}
            Ok(parts) => reconciler.look_at(parts),
            Err(error) => {
                // The resync finds what is missed.
                tracing::error!(%error, "listen for changes in the kernel");
                return;
            }
        }
    }
}

/// What changed within a while after the first change.
fn gather(watch: &Watch) -> Result<Parts, wgcni_dataplane::Error> {
    let mut parts = watch.wait(TICK)?;
    if !parts.is_empty() {
        thread::sleep(GATHER);
        parts |= watch.wait(Duration::ZERO)?;
    }
    Ok(parts)
}
