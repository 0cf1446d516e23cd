//! The one writer: takes all commits that wait, writes them as one batch, flushes
//! once, answers all.

use std::fs::File;
use std::io;
use std::sync::mpsc;

use tokio::sync::{oneshot, watch};
use wgcni_fault::around;
use wgcni_model::Revision;

use super::envelope::{Summary, checksum, encode_entry, encode_summary};
use super::mark::Mark;
use super::open::{ENTRY, SUMMARY};
use crate::shared::Shared;
use crate::table::{Entry, Table};
use crate::{CommitError, Key, Transaction};

/// Most transactions that share a flush.
const GROUP: usize = 1024;

/// A commit that waits.
pub(super) struct Request {
    pub transaction: Transaction,
    pub answer: oneshot::Sender<Result<Revision, CommitError>>,
}

/// What is on disk.
pub(super) struct Files {
    pub db: sled::Db,
    /// sled's own data file.
    pub data: File,
    pub mark: Mark,
    /// As written last.
    pub summary: Summary,
}

/// An answer that waits for the flush.
type Answer = (oneshot::Sender<Result<Revision, CommitError>>, Result<Revision, CommitError>);

/// Owns the files. `head` is ahead of the table that readers see by what is not
/// durable yet.
pub(super) struct Writer {
    files: Files,
    head: Table,
    durable: Shared,
    announce: watch::Sender<Revision>,
}

impl Writer {
    pub fn new(
        files: Files,
        head: Table,
        durable: Shared,
        announce: watch::Sender<Revision>,
    ) -> Self {
        Self { files, head, durable, announce }
    }

    /// Commits until nobody can ask any more, or a write fails: then it is unknown
    /// what is on disk, and only opening the store again can tell.
    pub fn run(mut self, requests: &mpsc::Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut group = vec![first];
            group.extend(requests.try_iter().take(GROUP - 1));
            if self.commit(group).is_err() {
                return;
            }
        }
    }

    fn commit(&mut self, group: Vec<Request>) -> Result<(), ()> {
        let mut changes = Vec::new();
        let mut batch = sled::Batch::default();
        let answers: Vec<Answer> = group
            .into_iter()
            .map(|Request { transaction, answer }| {
                (answer, self.stage(transaction, &mut batch, &mut changes))
            })
            .collect();
        if changes.is_empty() {
            answers.into_iter().for_each(reply);
            return Ok(());
        }
        let forgotten = self.forget(&mut batch);
        let written = self.write(batch);
        if let Err(error) = written {
            let failed = CommitError::Failed(error.to_string());
            for (answer, _) in answers {
                reply((answer, Err(failed.clone())));
            }
            return Err(());
        }
        self.publish(&changes, forgotten);
        answers.into_iter().for_each(reply);
        Ok(())
    }

    /// Adds a transaction to the batch and to what readers will see.
    fn stage(
        &mut self,
        transaction: Transaction,
        batch: &mut sled::Batch,
        changes: &mut Vec<(Key, Entry)>,
    ) -> Result<Revision, CommitError> {
        let staged = self.head.stage(transaction)?;
        for (key, entry) in &staged {
            let old = self.head.entry(key).cloned();
            self.uncount(key, old.as_ref());
            let bytes = encode_entry(key, entry);
            let summary = &mut self.files.summary;
            summary.entries += 1;
            summary.digest = summary.digest.wrapping_add(checksum(&bytes));
            batch.insert(name(key), bytes);
            // One by one, because a transaction may write a key twice.
            self.head.apply(std::slice::from_ref(&(key.clone(), entry.clone())));
        }
        changes.extend(staged);
        Ok(self.head.revision())
    }

    /// Adds the removal of the oldest tombstones to the batch; says whether any.
    fn forget(&mut self, batch: &mut sled::Batch) -> bool {
        let forgotten = self.head.compact();
        for (key, entry) in &forgotten {
            self.uncount(key, Some(entry));
            batch.remove(name(key));
        }
        !forgotten.is_empty()
    }

    fn uncount(&mut self, key: &Key, entry: Option<&Entry>) {
        if let Some(entry) = entry {
            let summary = &mut self.files.summary;
            summary.entries -= 1;
            let sum = checksum(&encode_entry(key, entry));
            summary.digest = summary.digest.wrapping_sub(sum);
        }
    }

    fn write(&mut self, mut batch: sled::Batch) -> io::Result<()> {
        let Files { db, data, mark, summary } = &mut self.files;
        summary.revision = self.head.revision();
        summary.compacted = self.head.compacted();
        batch.insert(SUMMARY, encode_summary(summary));
        around!("store.batch", db.apply_batch(batch))?;
        around!("store.flush", db.flush())?;
        around!("store.sync", data.sync_data())?;
        around!("store.mark", mark.write(summary))
    }

    fn publish(&self, changes: &[(Key, Entry)], compact: bool) {
        let mut table = self.durable.table();
        table.apply(changes);
        if compact {
            table.compact();
        }
        self.announce.send_replace(table.revision());
    }
}

fn name(key: &Key) -> Vec<u8> {
    [&[ENTRY], key.as_str().as_bytes()].concat()
}

fn reply((answer, result): Answer) {
    // Whoever asked may have gone; the commit stands.
    let _ = answer.send(result);
}
