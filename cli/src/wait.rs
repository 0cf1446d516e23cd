//! Waiting until every node has removed a revoked one.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role;
use wgcni_model::NodeName;

use crate::Failure;
use crate::member::{self, state};
use crate::out::Out;
use crate::reach::Reach;
use crate::table::clean;

/// How often the cluster is asked.
const EVERY: Duration = Duration::from_millis(500);

/// Most names in one message.
const NAMED: usize = 10;

/// Which nodes have applied a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Progress {
    done: usize,
    missing: Vec<String>,
}

impl Progress {
    /// Of all nodes in the cluster but the one that is out.
    fn of(nodes: &[wire::Member], out: &NodeName, revision: u64) -> Self {
        let others = nodes.iter().filter(|n| state(n) == "active" && n.name != out.as_str());
        let (done, missing): (Vec<_>, Vec<_>) =
            others.partition(|node| node.applied_revision >= revision);
        let missing = missing.into_iter().map(|node| node.name.clone()).collect();
        Self { done: done.len(), missing }
    }

    fn all(&self) -> usize {
        self.done + self.missing.len()
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.missing.iter().take(NAMED).cloned().collect();
        let more = match self.missing.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        clean(&format!("{}{more}", names.join(", ")))
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "removed on {}/{} nodes", self.done, self.all())
    }
}

#[derive(Serialize)]
struct Waited<'a> {
    name: &'a NodeName,
    done: &'static str,
    revision: u64,
    nodes: usize,
    removed_on: usize,
    missing: &'a [String],
}

/// Asks until all other nodes have applied `revision`, at most for `timeout`.
pub(crate) async fn wait(
    (name, done): (&NodeName, &'static str),
    revision: u64,
    timeout: Duration,
    reach: &Reach,
    out: &mut Out,
) -> Result<(), Failure> {
    let end = Instant::now() + timeout;
    let mut last = None;
    let progress = loop {
        let looked = member::list(reach, Role::ROLE_NODE).await;
        let progress = looked.map(|nodes| Progress::of(&nodes, name, revision));
        if let Ok(progress) = &progress
            && last.as_ref() != Some(progress)
        {
            out.note(progress);
            last = Some(progress.clone());
        }
        let is_done = last.as_ref().is_some_and(|progress| progress.missing.is_empty());
        if is_done || Instant::now() >= end {
            // What was seen last counts, also when the last look failed: what is waited for
            // does not depend on the looking.
            break last.map_or(progress, Ok)?;
        }
        sleep_until(end.min(Instant::now() + EVERY)).await;
    };
    let waited = Waited {
        name,
        done,
        revision,
        nodes: progress.all(),
        removed_on: progress.done,
        missing: &progress.missing,
    };
    out.show(&waited, format!("{name} {done}, {progress}\n"))?;
    if progress.missing.is_empty() {
        return Ok(());
    }
    Err(Failure::late(format!(
        "not yet removed on {}: look at their node-managers (`wgcni node list` says when each was \
         seen); it is out of the cluster all the same, and they will follow",
        progress.names()
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_active_others_count() {
        let node = |name: &str, state: wire::MemberState, applied_revision| wire::Member {
            name: name.to_owned(),
            state: state.into(),
            applied_revision,
            ..wire::Member::default()
        };
        let active = wire::MemberState::MEMBER_STATE_ACTIVE;
        let nodes = [
            node("ash", active, 7),
            node("elm", active, 6),
            node("fir", wire::MemberState::MEMBER_STATE_REVOKED, 1),
            node("oak", wire::MemberState::MEMBER_STATE_EXPECTED, 0),
            node("yew", active, 0),
        ];
        let progress = Progress::of(&nodes, &"yew".parse().unwrap(), 7);
        assert_eq!(progress, Progress { done: 1, missing: vec!["elm".to_owned()] });
        assert_eq!(progress.to_string(), "removed on 1/2 nodes");
        let many = Progress { done: 0, missing: vec!["n".to_owned(); 12] };
        assert!(many.names().ends_with("n and 2 more"));
    }
}
