//! kill -9 in mid-write: whatever was acknowledged is there.
//!
//! A program of its own: with an argument it is the process that is killed.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use wgcni_store::{Key, SledStore, Store, Transaction};

const ROUNDS: usize = 8;
const WRITERS: usize = 16;
const ACKNOWLEDGED_BEFORE_KILL: usize = 400;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(dir) if Path::new(dir).is_absolute() => write_until_killed(Path::new(dir)),
        _ => acknowledged_commits_survive_kill_9(),
    }
}

#[tokio::main]
async fn write_until_killed(dir: &Path) {
    let store = Arc::new(SledStore::open(dir).unwrap());
    let round = store.load().revision;
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0_u64.. {
                let key = Key::new("acknowledged", format!("{round}-{writer}-{n}"));
                let write = Transaction::new().create(&key, key.as_str().into());
                store.commit(write).await.unwrap();
                println!("{key}");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn acknowledged_commits_survive_kill_9() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut acknowledged = BTreeSet::new();
    for _ in 0..ROUNDS {
        acknowledged.extend(acknowledged_until_killed(&dir));
        let records = SledStore::open(&dir).unwrap().load().records;
        let found: BTreeSet<_> = records.keys().map(|key| key.as_str().to_owned()).collect();
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged, then lost: {lost:?}");
        assert!(records.iter().all(|(key, record)| *record.value == *key.as_str().as_bytes()));
    }
    let kept = acknowledged.len();
    assert!(kept >= ROUNDS * ACKNOWLEDGED_BEFORE_KILL, "{kept}");
}

fn acknowledged_until_killed(dir: &Path) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = command.arg(dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut keys: Vec<_> =
        lines.by_ref().take(ACKNOWLEDGED_BEFORE_KILL).map(Result::unwrap).collect();
    child.kill().unwrap();
    keys.extend(lines.map(Result::unwrap));
    child.wait().unwrap();
    keys
}
