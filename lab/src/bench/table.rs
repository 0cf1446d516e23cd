//! The file of all numbers, and the goals beside them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::sample::Entry;
use crate::{programs, say};

/// What a number must be.
enum Goal {
    /// ours / other.
    RatioAtMost(f64),
    /// ours / other.
    RatioAtLeast(f64),
    /// Ours, whatever the other is.
    AtMost(f64),
}

const GOALS: [(&str, Goal); 13] = [
    ("cni_add_seq_p50", Goal::RatioAtMost(0.4)),
    ("cni_add_seq_p99", Goal::RatioAtMost(0.6)),
    ("cni_add_par8_p50", Goal::RatioAtMost(0.4)),
    ("cni_add_par8_p99", Goal::RatioAtMost(0.6)),
    ("cni_del_seq_p50", Goal::RatioAtMost(1.0)),
    ("lease_durable_rate", Goal::RatioAtLeast(0.5)),
    ("watch_1000_p99_ms", Goal::RatioAtMost(1.0)),
    ("watch_bytes_per_event", Goal::RatioAtMost(1.1)),
    ("tcp_cross_node", Goal::RatioAtLeast(0.3)),
    ("rtt_cross_node", Goal::RatioAtMost(2.5)),
    ("rss_node_manager", Goal::AtMost(20.0)),
    ("rss_cluster_manager", Goal::AtMost(60.0)),
    ("plugin_bytes", Goal::AtMost(5e6)),
];

impl Goal {
    fn is_met(&self, entry: &Value) -> Option<bool> {
        match self {
            Self::RatioAtMost(most) => Some(entry["ratio"].as_f64()? <= *most),
            Self::RatioAtLeast(least) => Some(entry["ratio"].as_f64()? >= *least),
            Self::AtMost(most) => Some(entry["ours"].as_f64()? <= *most),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::RatioAtMost(most) => format!("ratio at most {most}"),
            Self::RatioAtLeast(least) => format!("ratio at least {least}"),
            Self::AtMost(most) => format!("at most {most}"),
        }
    }
}

/// Puts entries into the file, beside those that it has and those that the
/// cluster-manager's own benchmark found; all that it holds then.
///
/// # Errors
/// When a file cannot be read or written.
pub fn merge(found: &[Entry]) -> Result<Map<String, Value>> {
    let path = beside("bench.json")?;
    let mut all = read(&path)?;
    all.extend(read(&beside("bench-registry.json")?)?);
    for entry in found {
        all.insert(entry.name.to_owned(), entry.to_json());
    }
    fs::write(&path, serde_json::to_string_pretty(&all)?)?;
    Ok(all)
}

fn read(path: &Path) -> Result<Map<String, Value>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| path.display().to_string()),
        Err(_) => Ok(Map::new()),
    }
}

/// Prints the table, with goals met and missed.
pub fn show(all: &Map<String, Value>) {
    let head = ["name", "ours", "other", "ratio", "unit", "n", "goal", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (name, entry) in all {
        let goal = GOALS.iter().find(|(known, _)| known == name).map(|(_, goal)| goal);
        let met = goal.and_then(|goal| goal.is_met(entry));
        let verdict = match (goal, met) {
            (None, _) => "",
            (_, None) => "not judged: the other is missing here",
            (_, Some(true)) => "met",
            (_, Some(false)) => "MISSED",
        };
        rows.push(vec![
            name.clone(),
            number(&entry["ours"]),
            number(&entry["other"]),
            number(&entry["ratio"]),
            entry["unit"].as_str().unwrap_or_default().to_owned(),
            entry["n"].to_string(),
            goal.map(Goal::text).unwrap_or_default(),
            verdict.to_owned(),
        ]);
    }
    say::table(&rows);
    for (name, _) in GOALS.iter().filter(|(name, _)| !all.contains_key(*name)) {
        say::line(format!("  {name}: not measured yet"));
    }
}

fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(large) if large.abs() >= 1000.0 => format!("{large:.0}"),
        Some(small) => format!("{small:.3}"),
        None => "-".to_owned(),
    }
}

/// A file beside the profile's directory, i.e. in `target`.
fn beside(name: &str) -> Result<PathBuf> {
    let profile = programs::directory()?;
    Ok(profile.parent().unwrap_or(&profile).join(name))
}
