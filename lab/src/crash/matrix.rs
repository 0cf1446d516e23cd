//! One program, killed at each point that it passes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Faults;

/// What became of a round in which a program was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Whoever had asked was served, as if nothing had happened.
    Served,
    /// Whoever had asked was told no, asked again, and was served.
    Retried,
    /// The program did not come by.
    Missed,
}

/// What was killed where, and what became of it.
#[derive(Debug, Default)]
pub struct Matrix {
    rows: Vec<Row>,
    killed: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Row {
    name: String,
    points: usize,
    outcomes: BTreeMap<Outcome, u64>,
    took: Duration,
}

impl Matrix {
    /// Runs rounds: one to see which points the program passes in it, then one for each,
    /// in which it is killed there. A round calls its argument where the program is to be
    /// armed, heals what the death broke, and leaves everything as it found it. A point that
    /// is passed again and again in one round counts that many `times`.
    ///
    /// # Errors
    /// Of a round, with the point that the program was killed at.
    pub fn run(
        &mut self,
        name: &str,
        faults: &Faults,
        times: u64,
        mut round: impl FnMut(&dyn Fn() -> Result<()>) -> Result<Outcome>,
    ) -> Result<()> {
        let start = Instant::now();
        round(&|| faults.passed().map(drop)).with_context(|| format!("{name}, nobody killed"))?;
        let passed = faults.passed()?;
        ensure!(
            !passed.is_empty(),
            "{name}: no fault point was passed; build with scripts/build.sh dev --tests"
        );
        let mut outcomes = BTreeMap::new();
        for (point, passes) in &passed {
            for nth in 1..=times.min(*passes) {
                let outcome = round(&|| faults.arm(point, nth));
                let outcome =
                    outcome.with_context(|| format!("{name}, killed at {point}:{nth}"))?;
                let killed = faults.disarm()?;
                *self.killed.entry(point.clone()).or_default() += u64::from(killed);
                *outcomes.entry(if killed { outcome } else { Outcome::Missed }).or_default() += 1;
            }
        }
        let (name, took) = (name.to_owned(), start.elapsed());
        self.rows.push(Row { name, points: passed.len(), outcomes, took });
        Ok(())
    }

    /// Takes in what another one did.
    pub fn merge(&mut self, other: Self) {
        self.rows.extend(other.rows);
        for (point, kills) in other.killed {
            *self.killed.entry(point).or_default() += kills;
        }
    }

    /// The points of these effects at which nothing was killed.
    pub fn missing(&self, effects: &[&str]) -> Vec<String> {
        let points = effects.iter().flat_map(|e| [format!("{e}.before"), format!("{e}.after")]);
        points.filter(|point| self.killed.get(point).is_none_or(|kills| *kills == 0)).collect()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ("points", "kills", "served", "retried", "missed");
        let (points, kills, served, retried, missed) = head;
        writeln!(
            f,
            "{:56} {points:>7} {kills:>6} {served:>7} {retried:>8} {missed:>7}   time",
            ""
        )?;
        for row in &self.rows {
            let count = |outcome| row.outcomes.get(&outcome).copied().unwrap_or_default();
            let [served, retried, missed] =
                [Outcome::Served, Outcome::Retried, Outcome::Missed].map(count);
            let (name, points, kills) = (&row.name, row.points, served + retried);
            let took = row.took.as_secs_f64();
            writeln!(
                f,
                "{name:56} {points:7} {kills:6} {served:7} {retried:8} {missed:7} {took:6.1}s"
            )?;
        }
        let kills: u64 = self.killed.values().sum();
        let points = self.killed.values().filter(|kills| **kills > 0).count();
        write!(f, "{kills} kills at {points} points")
    }
}
