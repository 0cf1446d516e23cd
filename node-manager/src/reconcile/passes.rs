//! The account of passes: how often, for which parts, how long, and how they ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wgcni_dataplane::Parts;
use wgcni_telemetry::{Labels, Page, Timings};

const OUTCOMES: [&str; 2] = ["ok", "failed"];

/// Counts passes. Clones share what they count.
#[derive(Debug, Clone, Default)]
pub struct Passes {
    took: Timings,
    /// By part and outcome.
    parts: Arc<Mutex<BTreeMap<(&'static str, &'static str), u64>>>,
}

impl Passes {
    /// Counts a pass over some parts.
    pub(super) fn note(&self, parts: Parts, ok: bool, took: Duration) {
        let scope = if parts.contains(Parts::ALL) { "full" } else { "partial" };
        self.took.observe(&scoped(scope), took);
        let mut counts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        for part in Parts::EACH.into_iter().filter(|part| parts.contains(*part)) {
            *counts.entry((part.name(), OUTCOMES[usize::from(!ok)])).or_default() += 1;
        }
    }

    /// Puts them on a page.
    pub fn show(&self, page: &mut Page) {
        let help = "How long passes over the kernel took: full, or over what changed alone";
        page.timings("reconcile_pass_duration_seconds", help, &self.took);
        let counts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all = Parts::EACH.into_iter().flat_map(|part| OUTCOMES.map(|end| (part.name(), end)));
        let rows = all.map(|(part, outcome)| {
            let labels = vec![("part", part.to_owned()), ("outcome", outcome.to_owned())];
            (labels, counts.get(&(part, outcome)).copied().unwrap_or_default())
        });
        let help = "Passes over the kernel by part and outcome; one counts for each part it covers";
        page.counters("reconcile_passes", help, rows);
    }
}

fn scoped(scope: &str) -> Labels {
    vec![("scope", scope.to_owned())]
}
