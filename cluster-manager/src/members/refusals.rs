//! How many refusals go into the audit log: anybody can be refused, as often as they like.

use std::time::Duration;

/// Most in a window.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);

/// Counts refusals.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    since: Duration,
    taken: u32,
    missed: u64,
    all: u64,
}

impl Refusals {
    /// Whether one more is written down; with how many were not since the last.
    pub fn take(&mut self, now: Duration) -> Option<u64> {
        self.all += 1;
        if now.abs_diff(self.since) >= WINDOW {
            (self.since, self.taken) = (now, 0);
        }
        if self.taken >= MOST {
            self.missed += 1;
            return None;
        }
        self.taken += 1;
        Some(std::mem::take(&mut self.missed))
    }

    /// How many there were since this program started.
    pub fn all(&self) -> u64 {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_beyond_a_bound_are_counted_and_told_with_the_next() {
        let mut refusals = Refusals::default();
        let at = Duration::from_secs;
        for _ in 0..MOST {
            assert_eq!(refusals.take(at(100)), Some(0));
        }
        assert_eq!(refusals.take(at(101)), None);
        assert_eq!(refusals.take(at(159)), None);
        assert_eq!(refusals.take(at(160)), Some(2));
        assert_eq!(refusals.take(at(160)), Some(0));
        assert_eq!(refusals.all(), u64::from(MOST) + 4);
    }
}
