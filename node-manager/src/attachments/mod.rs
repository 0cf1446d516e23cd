//! The containers of the node: durable, then applied, then answered.
//!
//! ```text
//! attach: lock key -> book: begin -> store: pending -> hub peer applied -> store: complete
//! detach: lock key -> book: end   -> store: gone    -> hub peer removed
//! ```
//! What happens to one attachment happens in order of arrival; different ones share a
//! flush of the store and a pass of the reconciler.

mod book;
mod ends;
mod errors;
mod locks;
mod prune;
pub(crate) mod record;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wgcni_api::node::{Attach, Detach};
use wgcni_dataplane::Peer;
use wgcni_fault::around;
use wgcni_ipam::Usage;
use wgcni_model::{Addresses, AttachmentKey, Lease, PublicKey};
use wgcni_store::{Store, WatchError};

use crate::reconcile::Reconciler;
use book::{Begun, Book};
use ends::Ends;
use locks::KeyLocks;

pub use book::AdoptError;
pub use errors::{AttachError, CheckError, DetachError, OpenError};
pub use record::{Phase, Record, Unreadable, stored};

/// How long an attachment waits for the kernel: the plugin gives up after 5 s.
const APPLY: Duration = Duration::from_secs(4);

/// Which attachment of a key is meant.
#[derive(Debug, Clone, Copy)]
enum Which {
    Any,
    WithKey(PublicKey),
    MadeBefore(Duration),
}

impl Which {
    fn is(self, record: &Record) -> bool {
        match self {
            Self::Any => true,
            Self::WithKey(key) => record.public_key == key,
            Self::MadeBefore(time) => record.made < time,
        }
    }
}

/// The attachments of the node.
pub struct Attachments<S> {
    store: S,
    reconciler: Arc<Reconciler>,
    book: Mutex<Book>,
    locks: KeyLocks<AttachmentKey>,
    ends: Mutex<Ends>,
}

impl<S: Store> Attachments<S> {
    /// Reads what was stored; attachments of another boot and unfinished ones end here.
    /// The others are wanted in the hub.
    ///
    /// # Errors
    /// A record that this program did not write, a store that takes no changes.
    pub async fn open(
        store: S,
        reconciler: Arc<Reconciler>,
        boot_id: &str,
        quarantine: Duration,
    ) -> Result<Self, OpenError> {
        let (book, ended) = Book::load(&store.load(), boot_id, now(), quarantine)?;
        around!("node.end-unfinished", store.commit(ended).await)?;
        for record in book.records() {
            reconciler.put_peer(record.public_key, record.addresses, None);
        }
        let (book, locks) = (Mutex::new(book), KeyLocks::default());
        Ok(Self { store, reconciler, book, locks, ends: Mutex::default() })
    }

    /// Gives addresses of this lease from now on.
    ///
    /// # Errors
    /// When attachments have addresses of another.
    pub fn adopt(&self, lease: &Lease) -> Result<(), AdoptError> {
        self.book().adopt(lease)
    }

    /// Attaches a container, whose link gets this MTU: when this answers, its addresses are durable and the hub has
    /// it as a peer. When it fails, nothing is left of it.
    ///
    /// # Errors
    /// See [`AttachError`].
    pub async fn attach(&self, attach: Attach, mtu: u16) -> Result<Record, AttachError> {
        let _alone = self.locks.lock(&attach.key).await;
        self.check_late(&attach)?;
        self.check_ready()?;
        let Begun { mut record, replaces, transaction } = self.book().begin(&attach, mtu, now())?;
        let key = record.key.clone();
        if let Err(error) = around!("attach.pending", self.store.commit(transaction).await) {
            let _ = self.book().end(&key, now());
            self.forget_peer(replaces);
            return Err(AttachError::Store(key, error));
        }
        let sequence = self.reconciler.put_peer(record.public_key, record.addresses, replaces);
        if let Err(error) = around!("attach.peer", self.reconciler.applied(sequence, APPLY).await) {
            self.undo(&record).await;
            return Err(AttachError::Apply(key, error));
        }
        let transaction = self.book().complete(&mut record);
        if let Err(error) = around!("attach.complete", self.store.commit(transaction).await) {
            self.undo(&record).await;
            return Err(AttachError::Store(key, error));
        }
        tracing::info!(attachment = %key, addresses = %record.addresses, "attached");
        Ok(record)
    }

    /// An ADD that a DEL overtook on the way here would be undone by nobody.
    fn check_late(&self, attach: &Attach) -> Result<(), AttachError> {
        let key = &attach.key;
        match attach.started {
            Some(began) if self.ends().overtook(key, began) => Err(AttachError::Late(key.clone())),
            _ => Ok(()),
        }
    }

    fn check_ready(&self) -> Result<(), AttachError> {
        if self.book().lease().is_none() {
            return Err(AttachError::NoLease);
        }
        let applied = self.reconciler.subscribe().borrow().clone();
        if applied.ready {
            return Ok(());
        }
        let reason = applied.failure.map(|failure| failure.reason);
        Err(AttachError::NotReady(reason.unwrap_or_else(|| "its first pass is not done".into())))
    }

    fn forget_peer(&self, key: Option<PublicKey>) {
        if let Some(key) = key {
            self.reconciler.remove_peer(key);
        }
    }

    /// Takes back an attachment that failed half-way. Should the store fail here too, the
    /// record is an unfinished one, which the next ADD or start takes back.
    async fn undo(&self, record: &Record) {
        self.reconciler.remove_peer(record.public_key);
        let ended = self.book().end(&record.key, now());
        if let Some(transaction) = ended
            && let Err(error) = self.store.commit(transaction).await
        {
            tracing::error!(attachment = %record.key, %error, "take back what failed");
        }
    }

    /// Takes a container away; one that is not there is success.
    ///
    /// # Errors
    /// When that cannot be made durable.
    pub async fn detach(&self, detach: Detach) -> Result<(), DetachError> {
        let Detach { key, public_key, started } = detach;
        // One that takes back its own attachment ends nobody else's.
        if let (None, Some(began)) = (public_key, started) {
            self.note_end(&key, began);
        }
        let which = public_key.map_or(Which::Any, Which::WithKey);
        self.end(&key, which, "DEL").await.map(drop)
    }

    /// Notes a DEL that began then, since this boot: what began before comes too late.
    pub fn note_end(&self, key: &AttachmentKey, began: Duration) {
        self.ends().note(key, began);
    }

    /// Whether this is the boot with that id.
    pub fn is_of(&self, boot: &str) -> bool {
        self.book().boot() == boot
    }

    /// Takes a container away, unless it was attached after `time`.
    ///
    /// # Errors
    /// When that cannot be made durable.
    pub async fn detach_before(
        &self,
        key: &AttachmentKey,
        time: SystemTime,
    ) -> Result<(), DetachError> {
        let which = Which::MadeBefore(since_epoch(time));
        self.end(key, which, "its DEL came while node-manager was down").await.map(drop)
    }

    /// Takes a container away if it is the one that is meant; says whether it was.
    async fn end(
        &self,
        key: &AttachmentKey,
        which: Which,
        reason: &str,
    ) -> Result<bool, DetachError> {
        let _alone = self.locks.lock(key).await;
        let Some(record) = self.get(key).filter(|record| which.is(record)) else {
            return Ok(false);
        };
        let Some(transaction) = self.book().end(key, now()) else { return Ok(false) };
        // Out of the hub in any case: a store that fails must not keep it on the air.
        let sequence = self.reconciler.remove_peer(record.public_key);
        let committed = around!("detach.gone", self.store.commit(transaction).await);
        committed.map_err(|error| DetachError(key.clone(), error))?;
        if self.reconciler.subscribe().borrow().ready
            && let Err(error) =
                around!("detach.peer", self.reconciler.applied(sequence, APPLY).await)
        {
            // The wish stays, and the reconciler goes on trying.
            tracing::warn!(attachment = %key, %error, "the hub may have the peer for a while");
        }
        tracing::info!(attachment = %key, addresses = %record.addresses, reason, "detached");
        Ok(true)
    }

    /// Proves that the hub has an attachment's peer with all its addresses.
    ///
    /// # Errors
    /// What it lacks.
    pub async fn check(&self, key: &AttachmentKey) -> Result<Record, CheckError> {
        let _alone = self.locks.lock(key).await;
        let record = self.get(key).ok_or_else(|| CheckError::Missing(key.clone()))?;
        let peer = self.reconciler.hub_peer(record.public_key).await;
        let peer = peer.map_err(|e| CheckError::Unknown(key.clone(), e))?;
        let peer = peer.ok_or_else(|| CheckError::Peer(key.clone(), record.public_key))?;
        match lacking(&peer, record.addresses) {
            Some(lacks) => {
                Err(CheckError::Address { key: key.clone(), peer: record.public_key, lacks })
            }
            None => Ok(record),
        }
    }

    /// All attachments, however far they have come.
    pub fn records(&self) -> Vec<Record> {
        self.book().records().cloned().collect()
    }

    /// An attachment, however far it has come.
    fn get(&self, key: &AttachmentKey) -> Option<Record> {
        self.book().get(key).cloned()
    }

    /// How many there are, how many addresses have a record that they rest, and how full the
    /// lease is.
    pub fn usage(&self) -> (usize, usize, Vec<Usage>) {
        let book = self.book();
        (book.records().count(), book.resting(), book.usage(now()))
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the store takes no more changes.
    pub async fn store_failed(&self) {
        let newest = || self.store.watch(self.store.load().revision);
        let mut watch = newest();
        loop {
            match watch.next().await {
                Ok(_) => {}
                Err(WatchError::TooOld(_)) => watch = newest(),
                Err(WatchError::Closed) => return,
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first address that the peer should be allowed and is not.
fn lacking(peer: &Peer, addresses: Addresses) -> Option<std::net::IpAddr> {
    addresses.iter().find(|a| !peer.allowed_ips.contains(&(*a).into()))
}

fn now() -> Duration {
    since_epoch(SystemTime::now())
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
