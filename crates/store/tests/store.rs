//! What every store promises, and what the one on disk promises beyond that.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use wgcni_model::Revision;
use wgcni_store::{
    CommitError, Key, MAX_VALUE, MemoryStore, OpenError, SledStore, Store, Transaction, WatchError,
};

fn key(name: impl std::fmt::Display) -> Key {
    Key::new("table", name)
}

fn put(name: &str, value: &str) -> Transaction {
    Transaction::new().put(&key(name), value.into())
}

/// Values by name.
fn values(store: &dyn Store) -> BTreeMap<String, Vec<u8>> {
    let records = store.load().records;
    records.into_iter().map(|(key, r)| (key.name().to_owned(), r.value.to_vec())).collect()
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn open(&self) -> SledStore {
        SledStore::open(&self.path()).unwrap()
    }

    fn refusal(&self) -> OpenError {
        match SledStore::open(&self.path()) {
            Ok(store) => panic!("opened with {:?}", values(&store)),
            Err(error) => error,
        }
    }
}

async fn preconditions_are_checked(store: &dyn Store) {
    let first = store.commit(Transaction::new().create(&key("a"), b"1".into())).await.unwrap();
    let again = store.commit(Transaction::new().create(&key("a"), b"2".into())).await;
    assert_eq!(again, Err(CommitError::Conflict { key: key("a"), changed: first }));
    let second = Transaction::new().replace(&key("a"), first, b"3".into());
    let second = store.commit(second).await.unwrap();
    assert!(second > first);
    let late = Transaction::new().remove(&key("a"), first).put(&key("b"), b"4".into());
    let late = store.commit(late).await;
    assert_eq!(late, Err(CommitError::Conflict { key: key("a"), changed: second }));
    assert_eq!(values(store), BTreeMap::from([("a".to_owned(), b"3".to_vec())]));
    let gone = store.commit(Transaction::new().remove(&key("a"), second)).await.unwrap();
    assert_eq!(store.load().removed, BTreeMap::from([(key("a"), gone)]));
    // Nothing to remove: nothing happened.
    assert_eq!(store.commit(Transaction::new().delete(&key("a"))).await.unwrap(), gone);
}

async fn watch_gives_the_last_state_only(store: &dyn Store) {
    let start = store.load().revision;
    let mut watch = store.watch(start);
    for value in ["1", "2", "3"] {
        store.commit(put("w", value)).await.unwrap();
    }
    store.commit(put("x", "1")).await.unwrap();
    store.commit(Transaction::new().delete(&key("x"))).await.unwrap();
    let changes = watch.next().await.unwrap();
    assert_eq!(changes.revision, store.load().revision);
    let written: Vec<_> = changes.written.iter().map(|(k, r)| (k.name(), &*r.value)).collect();
    assert_eq!(written, [("w", b"3".as_slice())]);
    let removed: Vec<_> = changes.removed.iter().map(|(k, _)| k.name()).collect();
    assert_eq!(removed, ["x"]);
}

#[tokio::test]
async fn both_stores_keep_the_same_promises() {
    let dir = Dir::new();
    let stores: [&dyn Store; 2] = [&MemoryStore::new(), &dir.open()];
    for store in stores {
        preconditions_are_checked(store).await;
        watch_gives_the_last_state_only(store).await;
        let large = Transaction::new().put(&key("large"), vec![0; MAX_VALUE + 1]);
        let error = store.commit(large).await.unwrap_err();
        assert!(matches!(error, CommitError::TooLarge { .. }), "{error}");
    }
}

#[tokio::test]
async fn revisions_history_and_removals_survive_a_restart() {
    let dir = Dir::new();
    let store = dir.open();
    let before_all = store.load().revision;
    store.commit(put("a", "1")).await.unwrap();
    let seen = store.commit(put("b", "1")).await.unwrap();
    store.commit(Transaction::new().delete(&key("a"))).await.unwrap();
    let before = store.load();
    drop(store);
    let store = dir.open();
    assert_eq!(store.load(), before);
    let changes = store.watch(seen).next().await.unwrap();
    assert!(changes.written.is_empty());
    assert_eq!(changes.removed, [(key("a"), before.revision)]);
    assert_eq!(store.watch(before_all).next().await.unwrap().written.len(), 1);
}

#[tokio::test]
async fn removals_are_remembered_up_to_a_bound() {
    let dir = Dir::new();
    let store = Arc::new(dir.open());
    let start = store.commit(put("kept", "1")).await.unwrap();
    let rounds = (0..5000).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let name = format!("{n}");
            store.commit(put(&name, "x")).await.unwrap();
            store.commit(Transaction::new().delete(&key(&name))).await.unwrap();
        }
    });
    for round in rounds.map(tokio::spawn).collect::<Vec<_>>() {
        round.await.unwrap();
    }
    assert_eq!(store.watch(start).next().await, Err(WatchError::TooOld(start)));
    let before = store.load();
    assert!(before.compacted > start);
    assert_eq!(before.removed.len(), 4096);
    drop(store);
    assert_eq!(dir.open().load(), before);
}

#[tokio::test]
async fn watches_end_with_the_store() {
    let dir = Dir::new();
    let store = dir.open();
    let mut watch = store.watch(Revision(0));
    drop(store);
    assert_eq!(watch.next().await, Err(WatchError::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_wins_a_key() {
    let dir = Dir::new();
    let store = Arc::new(dir.open());
    let claims = (0..64).map(|n: u8| {
        let store = Arc::clone(&store);
        async move { store.commit(Transaction::new().create(&key("k"), vec![n])).await }
    });
    let mut wins = 0;
    for claim in claims.map(tokio::spawn).collect::<Vec<_>>() {
        match claim.await.unwrap() {
            Ok(_) => wins += 1,
            Err(CommitError::Conflict { changed, .. }) => assert!(store.load().revision >= changed),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(wins, 1);
}

#[test]
fn second_opener_is_told_who_has_it() {
    let dir = Dir::new();
    let _store = dir.open();
    let error = dir.refusal();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
}

fn filled() -> Dir {
    let dir = Dir::new();
    let store = dir.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for n in 0..50 {
        runtime.block_on(store.commit(put(&format!("{n}"), "value"))).unwrap();
    }
    dir
}

/// Changes the database as sled's own user, past our checks.
fn tamper(dir: &Dir, change: impl FnOnce(&sled::Db)) {
    let db = sled::Config::new().path(dir.path().join("db")).open().unwrap();
    change(&db);
    db.flush().unwrap();
}

#[test]
fn corrupt_record_is_named() {
    let dir = filled();
    tamper(&dir, |db| {
        let mut bytes = db.get("etable/7").unwrap().unwrap().to_vec();
        bytes[12] ^= 1;
        db.insert("etable/7", bytes).unwrap();
    });
    let error = dir.refusal().to_string();
    assert!(error.contains("record table/7: has a wrong checksum"), "{error}");
}

#[test]
fn record_of_a_later_version_is_named() {
    let dir = filled();
    tamper(&dir, |db| {
        let body = [9, 1, 0, 0, 0];
        let mut crc = crc32fast::Hasher::new();
        crc.update(b"table/8");
        crc.update(&body);
        let bytes = [&body[..], &crc.finalize().to_be_bytes()].concat();
        db.insert("etable/8", bytes).unwrap();
    });
    let error = dir.refusal().to_string();
    assert!(error.contains("record table/8: has format version 9"), "{error}");
}

#[test]
fn lost_record_is_noticed() {
    let dir = filled();
    tamper(&dir, |db| drop(db.remove("etable/9").unwrap()));
    let error = dir.refusal().to_string();
    assert!(error.contains("it has 49 records, and 50 were written"), "{error}");
}

#[test]
fn emptied_or_missing_database_is_not_a_new_store() {
    let dir = filled();
    tamper(&dir, |db| db.clear().unwrap());
    assert!(dir.refusal().to_string().contains("its database is empty"));
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    assert!(dir.refusal().to_string().contains("db/db is missing"));
    assert!(!dir.path().join("db").exists());
    let dir = filled();
    std::fs::remove_file(dir.path().join("mark")).unwrap();
    assert!(dir.refusal().to_string().contains("mark is missing"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn older_copy_of_the_database_is_noticed() {
    let dir = filled();
    let old = dir.0.path().join("old");
    copy(&dir.path().join("db"), &old);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(dir.open().commit(put("new", "x"))).unwrap();
    std::fs::remove_dir_all(dir.path().join("db")).unwrap();
    std::fs::rename(old, dir.path().join("db")).unwrap();
    let error = dir.refusal().to_string();
    assert!(error.contains("ends at revision 50, and revision 51 was acknowledged"), "{error}");
}

/// A damage to a file.
#[derive(Debug, Clone)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Zero(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<prop::sample::Index>(), 1u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        any::<prop::sample::Index>().prop_map(Damage::Truncate),
        (any::<prop::sample::Index>(), 1usize..4096).prop_map(|(at, len)| Damage::Zero(at, len)),
    ]
}

fn inflict(path: &Path, damage: &Damage) {
    let mut bytes = std::fs::read(path).unwrap();
    match damage {
        Damage::Flip(at, bits) => {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        Damage::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Zero(at, length) => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + length);
            bytes[at..end].fill(0);
        }
    }
    std::fs::write(path, bytes).unwrap();
}

/// One step of a store's life.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..12, any::<u8>()).prop_map(|(k, v)| Step::Put(k, v)),
        4 => (0u8..12).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn damaged_store_is_refused_or_whole(
        file in prop::sample::select(vec!["db/db", "db/db", "db/conf", "mark"]),
        damage in damage()
    ) {
        let dir = filled();
        let whole = dir.open().load();
        inflict(&dir.path().join(file), &damage);
        if let Ok(store) = SledStore::open(&dir.path()) {
            prop_assert_eq!(store.load(), whole);
        }
    }

    #[test]
    fn store_is_a_map_with_changes(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = Dir::new();
        let mut store = dir.open();
        let mut map = BTreeMap::new();
        let mut follower = (Revision(0), BTreeMap::new());
        for step in steps {
            match step {
                Step::Put(k, v) => {
                    map.insert(key(k), vec![v]);
                    runtime.block_on(store.commit(Transaction::new().put(&key(k), vec![v]))).unwrap();
                }
                Step::Delete(k) => {
                    map.remove(&key(k));
                    runtime.block_on(store.commit(Transaction::new().delete(&key(k)))).unwrap();
                }
                Step::Reopen => {
                    drop(store);
                    store = dir.open();
                    follow(&runtime, &store, &mut follower);
                    prop_assert_eq!(&follower.1, &map);
                }
            }
        }
        follow(&runtime, &store, &mut follower);
        prop_assert_eq!(&follower.1, &map);
    }
}

/// Brings a follower to the newest revision by changes alone.
fn follow(
    runtime: &tokio::runtime::Runtime,
    store: &SledStore,
    (at, records): &mut (Revision, BTreeMap<Key, Vec<u8>>),
) {
    if store.load().revision == *at {
        return;
    }
    let changes = runtime.block_on(store.watch(*at).next()).unwrap();
    for (key, _) in changes.removed {
        records.remove(&key);
    }
    for (key, record) in changes.written {
        records.insert(key, record.value.to_vec());
    }
    *at = changes.revision;
}

#[test]
fn the_databases_own_lock_that_is_about_to_be_let_go_is_waited_for() {
    let dir = Dir::new();
    drop(dir.open());
    // As a program does that was being started when the store was closed.
    let file = std::fs::File::open(dir.path().join("db/db")).unwrap();
    file.try_lock().unwrap();
    let lingering = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(file);
    });
    drop(dir.open());
    lingering.join().unwrap();
}
