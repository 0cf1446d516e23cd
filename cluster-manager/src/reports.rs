//! What nodes told last of themselves. In memory alone, capped, and only for people: no
//! decision depends on it, since whoever tells may lie.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wgcni_api::view::{Report, Reported};
use wgcni_model::{NodeName, PublicKey};

/// How long a report counts without another: nodes tell every 30 s.
const KEEP: Duration = Duration::from_mins(3);

/// About how many links are kept of all nodes together, and the fewest of one node.
const LINKS: usize = 200_000;
const LEAST: usize = 20;

/// What one page holds: nodes, and nodes and links together.
const PAGE_NODES: usize = 500;
const PAGE: usize = 4_000;

/// The last report of each node.
#[derive(Default)]
pub(crate) struct Reports(Mutex<All>);

#[derive(Default)]
struct All {
    told: BTreeMap<NodeName, Told>,
    tidied: Duration,
}

struct Told {
    at: Duration,
    /// Whose it is: a name may get another machine.
    key: PublicKey,
    report: Report,
}

impl Told {
    fn counts(&self, now: Duration) -> bool {
        // A clock that was set back must not keep it.
        now.abs_diff(self.at) < KEEP
    }
}

/// Links of one node that are kept in a cluster of so many.
fn allowance(nodes: usize) -> usize {
    (LINKS / nodes.max(1)).clamp(LEAST, Report::MAX_LINKS)
}

impl Reports {
    /// Keeps what the node with this mesh key told, one of `nodes`.
    pub fn note(&self, mut report: Report, key: PublicKey, nodes: usize, now: Duration) {
        let cut = report.links.len().saturating_sub(allowance(nodes));
        report.links.truncate(report.links.len() - cut);
        report.links.shrink_to_fit();
        report.untold = report.untold.saturating_add(cut as u64);
        let mut all = self.all();
        if now.abs_diff(all.tidied) >= KEEP {
            all.told.retain(|_, told| told.counts(now));
            all.tidied = now;
        }
        all.told.insert(report.node.clone(), Told { at: now, key, report });
    }

    /// A page of what nodes after `after` told, and where the next page goes on. A report
    /// of a node that `is_still` does not know is forgotten.
    pub fn page(
        &self,
        after: Option<&NodeName>,
        links: bool,
        is_still: impl Fn(&NodeName, PublicKey) -> bool,
        now: Duration,
    ) -> (Vec<Reported>, Option<NodeName>) {
        let mut all = self.all();
        all.told.retain(|node, told| told.counts(now) && is_still(node, told.key));
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = all.told.range::<NodeName, _>((from, Bound::Unbounded)).peekable();
        let (mut page, mut weight) = (Vec::new(), 0);
        while page.len() < PAGE_NODES && weight < PAGE {
            let Some((_, told)) = rest.next() else { break };
            let mut report = told.report.clone();
            if !links {
                report.links = Vec::new();
            }
            weight += 1 + report.links.len();
            page.push(Reported { report, age: now.saturating_sub(told.at) });
        }
        let next = rest.peek().and_then(|_| page.last()).map(|last| last.report.node.clone());
        (page, next)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wgcni_api::view::{Line, Link, Traffic};
    use wgcni_model::{PrivateKey, WireguardKind};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn key(n: u8) -> PublicKey {
        PrivateKey::from_random([n; 32]).public_key()
    }

    fn name(n: usize) -> NodeName {
        format!("node-{n:05}").parse().unwrap()
    }

    fn report(node: usize, links: usize) -> Report {
        let link = |n: usize| Link {
            node: name(node + n + 1),
            traffic: Traffic { received: 1, ..Traffic::default() },
            silent: None,
        };
        Report {
            node: name(node),
            version: Line::fitting("1", Line::MAX_VERSION),
            kind: WireguardKind::Kernel,
            ready: true,
            reasons: Vec::new(),
            attachments: 1,
            free: 2,
            peers: 3,
            peers_up: 0,
            links: (0..links).map(link).collect(),
            untold: 5,
        }
    }

    fn all(reports: &Reports, links: bool) -> Vec<Reported> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = reports.page(after.as_ref(), links, |_, _| true, NOW);
            all.extend(page);
            after = next;
            if after.is_none() {
                return all;
            }
        }
    }

    #[test]
    fn the_last_report_counts_until_the_node_leaves_changes_its_key_or_is_silent() {
        let reports = Reports::default();
        reports.note(report(2, 0), key(2), 2, NOW.checked_sub(KEEP).unwrap());
        reports.note(report(1, 1), key(1), 2, NOW);
        reports.note(report(1, 0), key(1), 2, NOW);
        let page = reports.page(None, true, |_, of| of == key(1) || of == key(2), NOW);
        assert_eq!(page, (vec![Reported { report: report(1, 0), age: Duration::ZERO }], None));
        assert_eq!(reports.page(None, true, |_, of| of == key(9), NOW), (Vec::new(), None));
        // It was forgotten, not hidden.
        assert_eq!(reports.page(None, true, |_, _| true, NOW), (Vec::new(), None));
    }

    #[test]
    fn ten_thousand_nodes_with_many_links_stay_within_the_cap_and_come_in_pages() {
        let reports = Reports::default();
        for n in 0..10_000 {
            reports.note(report(n, Report::MAX_LINKS), key(1), 10_000, NOW);
        }
        let told = all(&reports, true);
        assert_eq!(told.len(), 10_000);
        assert!(told.iter().all(|told| told.report.links.len() == LEAST));
        assert!(told.iter().all(|told| told.report.untold == 385));
        assert!(told.windows(2).all(|two| two[0].report.node < two[1].report.node));
        assert_eq!(all(&reports, false).len(), 10_000);
        let (page, _) = reports.page(None, true, |_, _| true, NOW);
        assert!(page.len() < PAGE_NODES, "{}", page.len());
    }
}
