//! The cluster's security key of the day.

use std::fmt;
use std::time::Duration;

use wgcni_model::ClusterId;

use crate::Secret;
use crate::secret::derive;

/// How long a security key is the one of the day.
pub const DAY: Duration = Duration::from_hours(24);

/// How long the key of the day before is good for, too.
pub const OVERLAP: Duration = Duration::from_mins(15);

/// What all security keys of a cluster come from.
#[derive(Clone)]
pub struct Master(Secret);

/// Which security key: they differ by day and by how often they were rotated by force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecurityKeyPeriod {
    /// How often it was rotated by force.
    pub generation: u64,
    /// Days since the Unix epoch, UTC.
    pub day: u64,
}

impl Master {
    /// Keys come from this secret.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The security key of a period.
    pub fn key(&self, cluster: &ClusterId, period: SecurityKeyPeriod) -> Secret {
        let SecurityKeyPeriod { generation, day } = period;
        let parts: [&[u8]; 3] =
            [cluster.as_str().as_bytes(), &generation.to_be_bytes(), &day.to_be_bytes()];
        Secret::from_random(*derive(self.0.as_bytes(), "security key", &parts))
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master(..)")
    }
}

impl SecurityKeyPeriod {
    /// The period at `now`, time since the Unix epoch.
    pub fn at(now: Duration, generation: u64) -> Self {
        Self { generation, day: now.as_secs() / DAY.as_secs() }
    }

    /// When the next one begins, since the Unix epoch.
    pub fn end(self) -> Duration {
        DAY.saturating_mul(u32::try_from(self.day.saturating_add(1)).unwrap_or(u32::MAX))
    }

    /// The periods whose keys are good at `now`: the day's, and for a while that of the day
    /// before; where it was rotated by force with an overlap, the former generation's until
    /// `former_until`.
    pub fn accepted(
        now: Duration,
        generation: u64,
        former_until: Option<Duration>,
    ) -> impl Iterator<Item = Self> {
        let former = generation.checked_sub(1).filter(|_| former_until.is_some_and(|t| now < t));
        let begun = Duration::from_secs(now.as_secs() % DAY.as_secs());
        let yesterday = now.checked_sub(DAY).filter(|_| begun < OVERLAP);
        let times = [Some(now), yesterday];
        let generations = [Some(generation), former];
        generations.into_iter().flatten().flat_map(move |generation| {
            times.into_iter().flatten().map(move |time| Self::at(time, generation))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn days(now: Duration, generation: u64, until: Option<Duration>) -> Vec<(u64, u64)> {
        let periods = SecurityKeyPeriod::accepted(now, generation, until);
        periods.map(|p| (p.generation, p.day)).collect()
    }

    #[test]
    fn the_key_of_yesterday_is_good_for_the_first_15_minutes() {
        let midnight = DAY * 20_000;
        let before = |time: Duration| time.saturating_sub(Duration::from_millis(1));
        assert_eq!(days(before(midnight), 3, None), [(3, 19_999)]);
        assert_eq!(days(midnight, 3, None), [(3, 20_000), (3, 19_999)]);
        assert_eq!(days(before(midnight + OVERLAP), 3, None), [(3, 20_000), (3, 19_999)]);
        assert_eq!(days(midnight + OVERLAP, 3, None), [(3, 20_000)]);
        assert_eq!(SecurityKeyPeriod::at(midnight, 3).end(), midnight + DAY);
    }

    #[test]
    fn a_forced_rotation_refuses_the_old_key_at_once_or_after_its_overlap() {
        let noon = DAY * 20_000 + DAY / 2;
        assert_eq!(days(noon, 4, None), [(4, 20_000)]);
        let until = Some(noon + OVERLAP);
        assert_eq!(days(noon, 4, until), [(4, 20_000), (3, 20_000)]);
        assert_eq!(days(noon + OVERLAP, 4, until), [(4, 20_000)]);
    }

    #[test]
    fn keys_differ_by_cluster_generation_and_day() {
        let master = Master::new(Secret::from_random([7; 32]));
        let (one, two) = (ClusterId::from_random([1; 16]), ClusterId::from_random([2; 16]));
        let period = |generation, day| SecurityKeyPeriod { generation, day };
        let key = |cluster, period| *master.key(cluster, period).as_bytes();
        let all = [
            key(&one, period(0, 0)),
            key(&one, period(0, 1)),
            key(&one, period(1, 0)),
            key(&two, period(0, 0)),
        ];
        for (n, key) in all.iter().enumerate() {
            assert!(!all[..n].contains(key), "{n}");
        }
        assert_eq!(key(&one, period(0, 0)), all[0]);
    }
}
