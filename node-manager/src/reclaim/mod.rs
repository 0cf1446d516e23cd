//! Takes away the attachments whose containers died without a DEL. Two proofs are needed:
//! nobody is in the namespace or has it open, and nobody names it; at each look of a whole
//! cool-down. One sign of life, or a look that did not see everything, starts it again.
//!
//! ```text
//! every 30 s, RPC -> records -> look (/proc, a thread of its own) -> vigil -> attachments
//! ```

mod look;
mod report;
mod vigil;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use wgcni_api::node::Prune;
use wgcni_store::Store;

use crate::attachments::{Attachments, DetachError, Record};
use crate::errors::chain;
use vigil::Vigil;

pub use look::{Life, LookError, Process, Sign, Signs};
pub use report::{Arguments, run};
pub use vigil::{Candidate, Verdict};

/// Longest time between two looks.
const LONGEST: Duration = Duration::from_secs(30);

/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(100);

/// Time between the two looks of a prune: who is missed by one, because he just passes
/// the namespace on, is seen by the other.
const AGAIN: Duration = Duration::from_millis(50);

/// Looks for signs of life of namespaces, by inode number.
pub type Look = dyn Fn(&BTreeSet<u64>) -> Result<Signs, LookError> + Send + Sync;

/// Why nothing was reclaimed.
#[derive(Debug, thiserror::Error)]
pub enum ReclaimError {
    /// It is not known who lives.
    #[error("nothing is proven dead")]
    Look(#[from] LookError),
    /// The dead could not be taken away.
    #[error(transparent)]
    Detach(#[from] DetachError),
    /// The program ends.
    #[error("the look was interrupted")]
    Interrupted,
}

/// Takes away what is provably dead.
pub struct Reclaimer<S> {
    attachments: Arc<Attachments<S>>,
    look: Arc<Look>,
    cool_down: Duration,
    vigil: Mutex<Vigil>,
    taken: AtomicU64,
}

impl<S: Store> Reclaimer<S> {
    /// Takes away attachments that were seen dead for as long as `cool_down`.
    pub fn new(attachments: Arc<Attachments<S>>, cool_down: Duration) -> Self {
        Self::with(attachments, cool_down, Arc::new(look::look))
    }

    /// The same with other eyes.
    pub fn with(attachments: Arc<Attachments<S>>, cool_down: Duration, look: Arc<Look>) -> Self {
        let vigil = Mutex::new(Vigil::new(cool_down));
        Self { attachments, look, cool_down, vigil, taken: AtomicU64::new(0) }
    }

    /// Looks and takes, again and again.
    pub async fn run(&self) {
        // Several looks have to agree.
        let pause = (self.cool_down / 4).clamp(SHORTEST, LONGEST);
        let mut reported = None;
        loop {
            tokio::time::sleep(pause).await;
            let problem = self.reclaim(false).await.err().map(|error| chain(&error));
            if let Some(problem) = problem.as_ref().filter(|new| reported.as_ref() != Some(*new)) {
                tracing::error!(%problem, "look for dead containers");
            }
            reported = problem;
        }
    }

    /// Looks once, and unless it is a dry run takes away what is due. All attachments, each
    /// with its verdict.
    ///
    /// # Errors
    /// When not all could be seen, or the dead could not be taken away.
    pub async fn reclaim(&self, dry_run: bool) -> Result<Vec<Candidate>, ReclaimError> {
        let (records, now) = (self.attachments.records(), Instant::now());
        let signs = self.look(&records).await.inspect_err(|_| self.vigil().forget())?;
        let candidates = self.vigil().judge(records, &signs, now);
        if dry_run {
            return Ok(candidates);
        }
        let due = candidates.iter().filter(|c| matches!(c.verdict, Verdict::Due { .. }));
        let taken = due.map(async |candidate| {
            self.take(vec![candidate.record.clone()], &candidate.reason()).await
        });
        // All of them, whatever becomes of one.
        join_all(taken).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(candidates)
    }

    /// Takes away what a runtime does not use any more; without a list of what it uses,
    /// what is provably dead now. Its request stands for the cool-down: it would not ask in
    /// the middle of an ADD, and from ADD to the container's first process the namespace
    /// has a name or is open.
    ///
    /// # Errors
    /// The first that could not be taken away; the others are.
    pub async fn prune(&self, prune: Prune) -> Result<Vec<Record>, ReclaimError> {
        if let Some(valid) = &prune.valid {
            return Ok(self.attachments.prune(&prune.network, valid).await?);
        }
        let mut dead = self.attachments.records();
        dead.retain(|record| record.key.network == prune.network);
        for pause in [Duration::ZERO, AGAIN] {
            tokio::time::sleep(pause).await;
            match self.look(&dead).await {
                Ok(signs) => dead.retain(|record| {
                    let life = signs.get(&record.namespace.inode);
                    !life.is_some_and(|life| life.may_be_of(record.namespace))
                }),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "pruned nothing");
                    return Ok(Vec::new());
                }
            }
        }
        self.take(dead, "pruned; nobody is in its namespace, and nobody names it").await
    }

    /// How many were taken away since this program started.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    async fn take(&self, dead: Vec<Record>, reason: &str) -> Result<Vec<Record>, ReclaimError> {
        let taken = self.attachments.take(dead, reason).await?;
        self.taken.fetch_add(taken.len() as u64, Ordering::Relaxed);
        Ok(taken)
    }

    /// Looks for signs of life, on a thread for that.
    async fn look(&self, records: &[Record]) -> Result<Signs, ReclaimError> {
        let wanted: BTreeSet<u64> = records.iter().map(|record| record.namespace.inode).collect();
        if wanted.is_empty() {
            return Ok(Signs::new());
        }
        let look = Arc::clone(&self.look);
        let looked = tokio::task::spawn_blocking(move || look(&wanted)).await;
        Ok(looked.map_err(|_| ReclaimError::Interrupted)??)
    }

    fn vigil(&self) -> MutexGuard<'_, Vigil> {
        self.vigil.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Candidate {
    /// Why this is its verdict, for people.
    pub fn reason(&self) -> String {
        let dead = match &self.verdict {
            Verdict::Alive(sign) => return sign.to_string(),
            Verdict::Waits { dead, .. } | Verdict::Due { dead } => dead.as_secs(),
        };
        format!("nobody is in its namespace, and nobody names it, for {dead} s")
    }
}
