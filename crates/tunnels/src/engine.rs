//! The threads that carry packets.
//!
//! Each runs an event loop of its own, and a device stays on one thread: a packet's way through
//! `gotatun`'s tasks costs no wake-up of another thread, what arrives in a burst is handled in a
//! burst, and between two devices of a thread (container, hub, mesh) not even the kernel sleeps.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads; they end when this is dropped, and with them what still runs there.
pub(crate) struct Engine {
    threads: Vec<Thread>,
    next: AtomicUsize,
}

struct Thread {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    join: Option<thread::JoinHandle<()>>,
}

impl Engine {
    /// Starts one thread for two processors: the kernel and the applications want the other.
    pub(crate) fn start() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..(processors / 2).max(1)).map(Thread::start);
        let threads = threads.collect::<io::Result<_>>()?;
        let next = AtomicUsize::new(0);
        Ok(Self { threads, next })
    }

    /// The event loop for one more device.
    pub(crate) fn place(&self) -> &Handle {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.threads[next % self.threads.len()].handle
    }
}

impl Thread {
    fn start(index: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // An error is the sender's end: that too means stop.
            let _ = runtime.block_on(stopped);
        };
        let join = thread::Builder::new().name(format!("tunnels-{index}")).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), join: Some(join) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(join) = self.join.take() {
            let _ = join.join();
        }
    }
}
