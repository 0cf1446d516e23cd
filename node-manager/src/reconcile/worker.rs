//! The one thread that owns the kernel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::Span;
use wgcni_daemon::Backoff;
use wgcni_dataplane::Parts;

use super::{Failure, Job, Kernel, Question, Reconciler, Wish};

/// Longest wait before parts that failed are tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// The thread. It ends when dropped; what the kernel holds stays.
#[derive(Debug)]
pub struct Worker {
    reconciler: Arc<Reconciler>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread in the network namespace of the caller.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        reconciler: Arc<Reconciler>,
        kernel: impl Kernel,
        resync: Duration,
    ) -> std::io::Result<Self> {
        let mut state = Loop {
            reconciler: Arc::clone(&reconciler),
            kernel,
            resync,
            full_at: Instant::now(),
            owed: Parts::NONE,
            retry_at: None,
            backoff: Backoff::new(Duration::from_millis(200), LONGEST_RETRY),
            reason: None,
        };
        let thread = thread::Builder::new().name("reconcile".to_owned());
        let thread = Some(thread.spawn(move || state.run())?);
        Ok(Self { reconciler, thread })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.reconciler.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loop<K> {
    reconciler: Arc<Reconciler>,
    kernel: K,
    resync: Duration,
    /// When everything is compared next.
    full_at: Instant,
    /// What failed and is to be tried again.
    owed: Parts,
    retry_at: Option<Instant>,
    backoff: Backoff,
    /// What was logged last.
    reason: Option<Arc<str>>,
}

impl<K: Kernel> Loop<K> {
    fn run(&mut self) {
        loop {
            let until = self.retry_at.map_or(self.full_at, |retry| retry.min(self.full_at));
            let Some(job) = self.reconciler.next(until) else { return };
            self.work(job);
        }
    }

    fn work(&mut self, job: Job) {
        if job.wish.membership.is_some() {
            let parts = self.due(job.parts);
            if !parts.is_empty() {
                self.pass_for(&job.spans, &job.wish, parts);
            }
        } else {
            self.full_at = Instant::now() + self.resync;
        }
        self.answer(job.questions);
    }

    /// A pass is told of in the span of whoever waits for it alone; with more of them in none.
    fn pass_for(&mut self, spans: &[Span], wish: &Wish, parts: Parts) {
        let (alone, began) = (matches!(spans, [_]), Instant::now());
        let _waiting = spans.first().filter(|_| alone).map(Span::enter);
        let span = tracing::debug_span!("pass", full = parts.contains(Parts::ALL));
        if !alone {
            for waiting in spans {
                span.follows_from(waiting);
            }
        }
        let _pass = span.enter();
        let done = self.pass(wish, parts);
        self.reconciler.passes.note(parts, done.is_ok(), began.elapsed());
        self.finish(wish, parts, done);
    }

    /// A pass that panics is a pass that failed: without this thread nobody would be served
    /// any more, and the next pass starts from what the kernel holds anyway.
    fn pass(&mut self, wish: &Wish, parts: Parts) -> Result<usize, String> {
        let kernel = &mut self.kernel;
        catch_unwind(AssertUnwindSafe(|| kernel.apply(wish, parts)))
            .unwrap_or_else(|_| Err("the pass panicked, see the log".to_owned()))
    }

    /// The parts to look at now: a wish does not wait for others that failed before it.
    fn due(&self, wanted: Parts) -> Parts {
        let now = Instant::now();
        let ready = self.reconciler.applied.borrow().ready;
        if now >= self.full_at || (!ready && self.retry_at.is_none_or(|at| now >= at)) {
            Parts::ALL
        } else if !ready {
            Parts::NONE
        } else if self.retry_at.is_some_and(|at| now >= at) {
            wanted | self.owed
        } else {
            wanted
        }
    }

    fn finish(&mut self, wish: &Wish, parts: Parts, done: Result<usize, String>) {
        let full = parts.contains(Parts::ALL);
        if full {
            self.full_at = Instant::now() + self.resync;
        }
        match done {
            Ok(changes) => {
                tracing::debug!(changes, full, sequence = wish.sequence, "pass");
                self.succeed(wish, parts);
            }
            Err(reason) => self.fail(wish, parts, reason.into()),
        }
    }

    fn succeed(&mut self, wish: &Wish, parts: Parts) {
        self.owed = self.owed.without(parts);
        if self.owed.is_empty() {
            self.retry_at = None;
            self.backoff.succeed();
            if self.reason.take().is_some() {
                tracing::info!("the kernel is as it should be again");
            }
        }
        let held = wish.membership.as_ref().map(|m| m.peers.revision);
        let clear = self.owed.is_empty();
        self.reconciler.applied.send_modify(|applied| {
            if parts.contains(Parts::HUB) {
                applied.sequence = wish.sequence;
            }
            if let Some(revision) = held
                && parts.contains(Parts::MESH | Parts::ROUTES)
            {
                applied.revision = revision;
            }
            applied.ready |= parts.contains(Parts::ALL);
            if clear {
                applied.failure = None;
            }
        });
    }

    fn fail(&mut self, wish: &Wish, parts: Parts, reason: Arc<str>) {
        self.owed |= parts;
        self.retry_at = Some(Instant::now() + self.backoff.fail(&mut rand::rng()));
        if self.reason.as_ref() != Some(&reason) {
            tracing::error!(%reason, "the kernel is not as it should be; trying again");
            self.reason = Some(Arc::clone(&reason));
        }
        let failure = Failure { sequence: wish.sequence, reason };
        self.reconciler.applied.send_modify(|applied| applied.failure = Some(failure));
    }

    fn answer(&mut self, questions: Vec<Question>) {
        for (key, answer) in questions {
            // Whoever asked may have gone.
            let _ = answer.send(self.kernel.hub_peer(key));
        }
    }
}
