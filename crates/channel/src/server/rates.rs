//! Token buckets, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Rate;

/// Most buckets that are remembered: about a megabyte.
const MOST: usize = 16 * 1024;

/// How often a full table is searched for what can go.
const PRUNE: Duration = Duration::from_secs(1);

/// A token bucket for each key. A bucket is the moment at which it will be full again: it
/// need not be kept any longer than that.
pub(super) struct Rates<K> {
    rate: Rate,
    most: usize,
    table: Mutex<Table<K>>,
}

struct Table<K> {
    full_at: HashMap<K, Instant>,
    pruned: Option<Instant>,
}

impl<K: Eq + Hash> Rates<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self::bounded(rate, MOST)
    }

    fn bounded(rate: Rate, most: usize) -> Self {
        let table = Mutex::new(Table { full_at: HashMap::new(), pruned: None });
        Self { rate, most, table }
    }

    /// Whether `key` may once more. A stranger to a full table may: the connection caps
    /// hold it, and refusing would let whoever filled the table keep the others out.
    pub(super) fn admit(&self, key: K, now: Instant) -> bool {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = table.full_at.get(&key).map_or(now, |at| (*at).max(now));
        let next = full_at + self.rate.every;
        if next > now + self.rate.every * self.rate.burst {
            return false;
        }
        if table.has_room(self.most, now) || table.full_at.contains_key(&key) {
            table.full_at.insert(key, next);
        }
        true
    }
}

impl<K: Eq + Hash> Table<K> {
    fn has_room(&mut self, most: usize, now: Instant) -> bool {
        if self.full_at.len() >= most && self.pruned.is_none_or(|at| now >= at + PRUNE) {
            self.pruned = Some(now);
            self.full_at.retain(|_, full_at| *full_at > now);
            self.full_at.shrink_to(most / 4);
        }
        self.full_at.len() < most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(10) };

    #[test]
    fn a_burst_is_admitted_and_then_one_at_a_time() {
        let rates = Rates::new(RATE);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let admitted = |key, seconds| (0..5).filter(|_| rates.admit(key, at(seconds))).count();
        assert_eq!(admitted("a", 0), 3);
        assert_eq!(admitted("b", 0), 3);
        assert_eq!(admitted("a", 9), 0);
        assert_eq!(admitted("a", 10), 1);
        assert_eq!(admitted("a", 35), 2);
        assert_eq!(admitted("a", 1000), 3);
    }

    #[test]
    fn a_million_keys_are_held_in_bounded_memory_and_keep_no_bucket_from_counting() {
        let rates = Rates::new(RATE);
        let start = Instant::now();
        assert_eq!((0..9).filter(|_| rates.admit(u64::MAX, start)).count(), 3);
        for key in 0..1_000_000 {
            assert!(rates.admit(key, start));
        }
        let held = |rates: &Rates<u64>| {
            let table = rates.table.lock().unwrap_or_else(PoisonError::into_inner);
            (table.full_at.len(), table.full_at.capacity())
        };
        assert!(held(&rates).0 <= MOST && held(&rates).1 <= 4 * MOST, "{:?}", held(&rates));
        assert!(!rates.admit(u64::MAX, start));
        assert!(rates.admit(7, start + Duration::from_mins(10)));
        assert!(held(&rates).0 == 1 && held(&rates).1 <= MOST, "{:?}", held(&rates));
    }
}
