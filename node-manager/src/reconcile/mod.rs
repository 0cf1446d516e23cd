//! Keeps the kernel as it should be. Others say what they want, at once and without
//! waiting; one thread owns the kernel and always acts on the newest wish.
//!
//! ```text
//! set_membership, put_peer, remove_peer, look_at -> inbox (newest wish, parts to look at)
//!                                                     |  wakes
//!   applied() <- watch channel <- worker: pass, retry with backoff, resync
//! ```

mod findings;
mod health;
mod kernel;
mod ledger;
mod passes;
mod silence;
mod worker;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use tracing::Span;
use wgcni_dataplane::{Parts, Peer};
use wgcni_model::{Addresses, PublicKey, Revision};

use crate::desired::Containers;
use crate::membership::Membership;

pub use findings::{Findings, Found, SilentNode};
pub use health::Stage;
pub use kernel::{Former, HostKernel};
pub use passes::Passes;
pub use worker::Worker;

/// What the node wants of its kernel.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The node's place in the cluster; without one nothing is wanted.
    pub membership: Option<Arc<Membership>>,
    /// Its containers.
    pub containers: Containers,
    /// Grows with each change of the containers.
    pub sequence: u64,
    /// MTU of mesh and hub, where it is another than at the start.
    pub mtu: Option<u16>,
}

/// What the kernel holds.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The newest wish whose containers it holds.
    pub sequence: u64,
    /// The peers that it holds.
    pub revision: Revision,
    /// Whether it has held everything since this program started.
    pub ready: bool,
    /// Why the last pass did not get there.
    pub failure: Option<Failure>,
}

/// A pass that did not get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The newest wish that it was about.
    pub sequence: u64,
    /// Why.
    pub reason: Arc<str>,
}

/// The kernel does not hold what was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// It refused.
    #[error("{0}")]
    Refused(Arc<str>),
    /// It did not answer in time.
    #[error("the kernel does not hold it yet after {} ms", .0.as_millis())]
    Late(Duration),
    /// The program ends.
    #[error("the node-manager is shutting down")]
    Stopped,
}

/// Something that can be made as wished. The real one is [`HostKernel`].
pub trait Kernel: Send + 'static {
    /// Makes these parts so; says how many changes that took.
    ///
    /// # Errors
    /// Why it is not so, for people.
    fn apply(&mut self, wish: &Wish, parts: Parts) -> Result<usize, String>;

    /// The hub's peer with this key, as the kernel has it.
    ///
    /// # Errors
    /// Why it cannot be looked at.
    fn hub_peer(&mut self, key: PublicKey) -> Result<Option<Peer>, String>;
}

/// A question to the worker: a peer of the hub, as the kernel has it.
type Question = (PublicKey, oneshot::Sender<Result<Option<Peer>, String>>);

#[derive(Debug, Default)]
struct Inbox {
    wish: Wish,
    parts: Parts,
    questions: Vec<Question>,
    /// On whose behalf the containers changed.
    spans: Vec<Span>,
    stop: bool,
}

/// What the worker is to do next.
#[derive(Debug)]
struct Job {
    wish: Wish,
    parts: Parts,
    questions: Vec<Question>,
    spans: Vec<Span>,
}

/// The wishes, and what became of them.
#[derive(Debug)]
pub struct Reconciler {
    inbox: Mutex<Inbox>,
    wake: Condvar,
    applied: watch::Sender<Applied>,
    passes: Passes,
}

impl Default for Reconciler {
    fn default() -> Self {
        let applied = watch::Sender::new(Applied::default());
        Self { inbox: Mutex::default(), wake: Condvar::new(), applied, passes: Passes::default() }
    }
}

impl Reconciler {
    /// Wants this membership from now on.
    pub fn set_membership(&self, membership: Membership) {
        self.change(|inbox| {
            // Peers come and go often; the rest depends on lease and cluster only.
            let old = inbox.wish.membership.as_deref();
            let same = |old: &Membership| {
                (&old.cluster, &old.lease) == (&membership.cluster, &membership.lease)
            };
            inbox.parts |=
                if old.is_some_and(same) { Parts::MESH | Parts::ROUTES } else { Parts::ALL };
            inbox.wish.membership = Some(Arc::new(membership));
        });
    }

    /// Wants this container, in place of the one with the key `replaces`; returns the
    /// wish's number for [`Reconciler::applied`].
    pub fn put_peer(&self, key: PublicKey, is: Addresses, replaces: Option<PublicKey>) -> u64 {
        self.change_containers(|containers| {
            if let Some(old) = replaces {
                containers.remove(&old);
            }
            containers.insert(key, is);
        })
    }

    /// Wants this container no more.
    pub fn remove_peer(&self, key: PublicKey) -> u64 {
        self.change_containers(|containers| {
            containers.remove(&key);
        })
    }

    /// Wants this MTU of mesh and hub from now on.
    pub fn set_mtu(&self, mtu: u16) {
        self.change(|inbox| {
            inbox.wish.mtu = Some(mtu);
            inbox.parts |= Parts::HUB | Parts::MESH;
        });
    }

    /// Compares these parts with the kernel soon.
    pub fn look_at(&self, parts: Parts) {
        self.change(|inbox| inbox.parts |= parts);
    }

    /// Waits until the kernel holds the containers of a wish.
    ///
    /// # Errors
    /// When a pass that was about it failed, or time is up.
    pub async fn applied(&self, sequence: u64, within: Duration) -> Result<(), ApplyError> {
        let mut applied = self.applied.subscribe();
        let done = applied.wait_for(|a| {
            let failed = a.failure.as_ref().is_some_and(|f| f.sequence >= sequence);
            a.sequence >= sequence || failed
        });
        let applied = match tokio::time::timeout(within, done).await {
            Ok(Ok(applied)) => applied,
            Ok(Err(_)) => return Err(ApplyError::Stopped),
            Err(_) => return Err(ApplyError::Late(within)),
        };
        match &applied.failure {
            Some(failure) if applied.sequence < sequence => {
                Err(ApplyError::Refused(Arc::clone(&failure.reason)))
            }
            _ => Ok(()),
        }
    }

    /// What the kernel holds now, and news of it.
    pub fn subscribe(&self) -> watch::Receiver<Applied> {
        self.applied.subscribe()
    }

    /// What passes did and took.
    pub fn passes(&self) -> &Passes {
        &self.passes
    }

    /// The hub's peer with this key, as the kernel has it.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn hub_peer(&self, key: PublicKey) -> Result<Option<Peer>, ApplyError> {
        let (answer, answered) = oneshot::channel();
        self.change(|inbox| inbox.questions.push((key, answer)));
        let answered = answered.await.map_err(|_| ApplyError::Stopped)?;
        answered.map_err(|reason| ApplyError::Refused(reason.into()))
    }

    /// Ends the worker after the pass that is under way.
    pub fn stop(&self) {
        self.change(|inbox| inbox.stop = true);
    }

    fn change_containers(&self, change: impl FnOnce(&mut Containers)) -> u64 {
        self.change(|inbox| {
            change(&mut inbox.wish.containers);
            inbox.wish.sequence += 1;
            inbox.spans.push(Span::current());
            inbox.parts |= Parts::HUB;
            inbox.wish.sequence
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inbox) -> T) -> T {
        let done = change(&mut self.lock());
        self.wake.notify_one();
        done
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do, at most until `until`; `None` is the end.
    fn next(&self, until: Instant) -> Option<Job> {
        let idle =
            |inbox: &mut Inbox| inbox.parts.is_empty() && inbox.questions.is_empty() && !inbox.stop;
        let wait = until.saturating_duration_since(Instant::now());
        let waited = self.wake.wait_timeout_while(self.lock(), wait, idle);
        let (mut inbox, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if inbox.stop {
            return None;
        }
        Some(Job {
            wish: inbox.wish.clone(),
            parts: std::mem::take(&mut inbox.parts),
            questions: std::mem::take(&mut inbox.questions),
            spans: std::mem::take(&mut inbox.spans),
        })
    }
}

#[cfg(test)]
mod tests;
