//! The account of repairs: one line and one count for each act of somebody else's.

use std::sync::Arc;

use wgcni_dataplane::{Change, Parts, Report, Settled, State};

use super::findings::Findings;

/// Lines of one pass; what is flushed by the thousand needs no thousand lines.
const LINES: usize = 50;

/// Knows what the kernel held last, and counts what somebody changed since.
#[derive(Debug)]
pub(super) struct Ledger {
    settled: Settled,
    findings: Arc<Findings>,
}

impl Ledger {
    pub(super) fn new(findings: Arc<Findings>) -> Self {
        Self { settled: Settled::default(), findings }
    }

    /// The changes that will be repairs, if they work.
    pub(super) fn judge(&self, have: &State, want: &State, changes: &[Change]) -> Vec<Change> {
        self.settled.repairs(have, want, changes)
    }

    /// Tells of the repairs that worked.
    pub(super) fn close(
        &mut self,
        repairs: &[Change],
        report: &Report,
        want: &State,
        parts: Parts,
    ) {
        let failed = |change: &&Change| report.failures.iter().any(|f| f.change == **change);
        let done: Vec<_> = repairs.iter().filter(|change| !failed(change)).collect();
        for change in &done {
            self.findings.count(change.kind());
        }
        for change in done.iter().take(LINES) {
            tracing::warn!(kind = %change.kind(), %change, "repaired what somebody changed");
        }
        if done.len() > LINES {
            let more = done.len() - LINES;
            tracing::warn!(more, "repaired more of what somebody changed");
        }
        let told = done.iter().fold(Parts::NONE, |all, change| all | change.part());
        self.settled.learn(want, parts, report.failed(), told);
    }
}
