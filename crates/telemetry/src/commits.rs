//! How long a store takes to make things durable.

use std::time::Instant;

use wgcni_model::Revision;
use wgcni_store::{Commit, CommitError, Key, Loaded, Record, Store, Transaction, Watch};

use crate::page::{Labels, Page, Timings};

const OUTCOMES: [&str; 3] = ["ok", "conflict", "failed"];

/// What commits took. Clones share what they count.
#[derive(Debug, Clone)]
pub struct Commits(Timings);

impl Default for Commits {
    fn default() -> Self {
        Self(Timings::default().with(OUTCOMES.map(labels)))
    }
}

impl Commits {
    /// Puts them on a page.
    pub fn show(&self, page: &mut Page) {
        let help = "How long the store took to answer a commit, by outcome";
        page.timings("store_commit_duration_seconds", help, &self.0);
    }
}

fn labels(outcome: &str) -> Labels {
    vec![("outcome", outcome.to_owned())]
}

/// A store whose commits are measured.
#[derive(Debug)]
pub struct Measured<S> {
    store: S,
    commits: Commits,
}

impl<S> Measured<S> {
    /// Measures the commits of `store`.
    pub fn new(store: S, commits: Commits) -> Self {
        Self { store, commits }
    }
}

impl<S: Store> Store for Measured<S> {
    fn load(&self) -> Loaded {
        self.store.load()
    }

    fn get(&self, key: &Key) -> Option<Record> {
        self.store.get(key)
    }

    fn commit(&self, transaction: Transaction) -> Commit<'_> {
        let began = Instant::now();
        // Asked at once: dropping what is returned must not take the transaction back.
        let commit = self.store.commit(transaction);
        Box::pin(async move {
            let done = commit.await;
            let outcome = match &done {
                Ok(_) => OUTCOMES[0],
                Err(CommitError::Conflict { .. }) => OUTCOMES[1],
                Err(_) => OUTCOMES[2],
            };
            self.commits.0.observe(&labels(outcome), began.elapsed());
            done
        })
    }

    fn watch(&self, after: Revision) -> Watch {
        self.store.watch(after)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wgcni_store::MemoryStore;

    #[tokio::test]
    async fn commits_are_counted_by_what_became_of_them() {
        let commits = Commits::default();
        let store = Measured::new(MemoryStore::new(), commits.clone());
        let write = || Transaction::new().create(&Key::new("t", "a"), vec![1]);
        store.commit(write()).await.unwrap();
        store.commit(write()).await.unwrap_err();
        let mut page = Page::new("x");
        commits.show(&mut page);
        let text = page.to_text();
        for (outcome, count) in OUTCOMES.into_iter().zip([1, 1, 0]) {
            let name = "x_store_commit_duration_seconds_count";
            let line = format!("{name}{{outcome=\"{outcome}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert_eq!(store.load().records.len(), 1);
    }
}
