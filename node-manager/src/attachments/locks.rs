//! One lock for each key, which exists while somebody holds it or waits for it: what
//! happens to one attachment happens in order, what happens to two happens at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Locks<K> = Mutex<HashMap<K, Arc<AsyncMutex<()>>>>;

/// Locks by key; those who wait for one are served in the order of their coming.
#[derive(Debug)]
pub struct KeyLocks<K: Eq + Hash>(Arc<Locks<K>>);

impl<K: Eq + Hash> Default for KeyLocks<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> KeyLocks<K> {
    /// Waits for the key's lock.
    pub async fn lock(&self, key: &K) -> KeyGuard<K> {
        let lock = Arc::clone(entries(&self.0).entry(key.clone()).or_default());
        // Made before the wait, so that giving up waiting cleans up too.
        let mut guard = KeyGuard { locks: Arc::clone(&self.0), key: key.clone(), held: None };
        guard.held = Some(lock.lock_owned().await);
        guard
    }
}

fn entries<K: Eq + Hash>(locks: &Locks<K>) -> MutexGuard<'_, HashMap<K, Arc<AsyncMutex<()>>>> {
    locks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds a key's lock.
#[derive(Debug)]
pub struct KeyGuard<K: Eq + Hash> {
    locks: Arc<Locks<K>>,
    key: K,
    held: Option<OwnedMutexGuard<()>>,
}

impl<K: Eq + Hash> Drop for KeyGuard<K> {
    fn drop(&mut self) {
        let mut entries = entries(&self.locks);
        self.held = None;
        if entries.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            entries.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn same_key_waits_another_does_not_and_nothing_is_left() {
        let locks = KeyLocks::default();
        let first = locks.lock(&1).await;
        assert!(locks.lock(&1).now_or_never().is_none());
        let other = locks.lock(&2).now_or_never().unwrap();
        let second = tokio::spawn({
            let locks = KeyLocks(Arc::clone(&locks.0));
            async move { drop(locks.lock(&1).await) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop((first, other));
        second.await.unwrap();
        assert!(entries(&locks.0).is_empty());
    }
}
