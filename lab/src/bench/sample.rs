//! Numbers and what is made of them.

use std::time::Duration;

use serde_json::{Value, json};

/// One line of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Name, as goals know it.
    pub name: &'static str,
    /// Our number.
    pub ours: f64,
    /// The other's, or the limit; none where the other is missing on this machine.
    pub other: Option<f64>,
    /// Unit of both.
    pub unit: &'static str,
    /// How many measurements are behind ours.
    pub count: usize,
}

impl Entry {
    /// The form in which it is stored.
    pub fn to_json(&self) -> Value {
        json!({
            "ours": self.ours,
            "other": self.other,
            "ratio": self.other.map(|other| self.ours / other),
            "unit": self.unit,
            "n": self.count,
        })
    }
}

/// The value that `part` (0 to 1) of the samples do not exceed; 0 of none.
pub fn percentile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Nearest rank; the lengths here are far below what a float holds exactly.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle one.
pub fn median(samples: &[f64]) -> f64 {
    percentile(samples, 0.5)
}

/// Milliseconds.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let samples: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = [0.5, 0.99, 1.0].map(|part| percentile(&samples, part).to_string());
        assert_eq!(found, ["50", "99", "100"]);
        assert_eq!(percentile(&[], 0.5).to_string(), "0");
    }
}
