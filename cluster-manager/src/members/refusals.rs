//! How many refusals go into the audit log: anybody can be refused, as often as they like,
//! and must not push out of it what members did.

use std::time::Duration;

use super::pace::Room;

/// Most at once.
const MOST: u32 = 60;

/// Counts refusals.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    room: Room,
    missed: u64,
    all: u64,
}

impl Refusals {
    /// Whether one more is written down; with how many were not since the last.
    pub fn take(&mut self, now: Duration) -> Option<u64> {
        self.all += 1;
        if self.room.take(MOST, now) {
            return Some(std::mem::take(&mut self.missed));
        }
        self.missed += 1;
        None
    }

    /// How many there were since this program started.
    pub fn all(&self) -> u64 {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_hours(500_000);

    fn at(seconds: u64) -> Duration {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn refusals_beyond_a_bound_are_counted_and_told_with_the_next() {
        let mut refusals = Refusals::default();
        for _ in 0..MOST {
            assert_eq!(refusals.take(at(0)), Some(0));
        }
        assert_eq!(refusals.take(at(1)), None);
        assert_eq!(refusals.take(at(599)), None);
        assert_eq!(refusals.take(at(600)), Some(2));
        assert_eq!(refusals.take(at(601)), None);
        assert_eq!(refusals.take(at(1_800)), Some(1));
        assert_eq!(refusals.take(at(1_800)), Some(0));
        assert_eq!(refusals.take(at(1_800)), None);
        assert_eq!(refusals.all(), u64::from(MOST) + 7);
        // The clock was set back.
        assert_eq!(refusals.take(at(0)), None);
        assert_eq!(refusals.take(at(600)), Some(2));
    }

    #[test]
    fn refusals_of_a_year_leave_room_for_all_else_in_the_audit_log() {
        let mut refusals = Refusals::default();
        let year = 365 * 24 * 3600;
        let lines = (0..year).filter(|second| refusals.take(at(*second)).is_some()).count();
        assert!(lines < 60_000, "{lines}");
    }
}
