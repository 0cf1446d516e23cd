//! Exponential backoff with full jitter.

use std::time::Duration;

use rand::Rng;

/// How long to wait before the next attempt: a random part of a bound that
/// doubles from `first` to `most`, so that many clients do not return together.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// A backoff whose first wait is at most `first` and whose longest is `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0 }
    }

    /// Counts a failure and says how long to wait.
    pub fn fail(&mut self, rng: &mut impl Rng) -> Duration {
        let bound = self
            .first
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(self.most);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(rng.random_range(0.0..=1.0))
    }

    /// Forgets the failures: the next wait is short again.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Number of failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn waits_grow_to_the_bound_and_never_beyond() {
        let mut rng = StdRng::seed_from_u64(1);
        let most = Duration::from_secs(5);
        let mut backoff = Backoff::new(Duration::from_millis(100), most);
        let waits: Vec<_> = (0..100).map(|_| backoff.fail(&mut rng)).collect();
        assert!(waits[0] <= Duration::from_millis(100));
        assert!(waits.iter().all(|wait| *wait <= most));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(4)));
        backoff.succeed();
        assert!(backoff.fail(&mut rng) <= Duration::from_millis(100));
    }
}
