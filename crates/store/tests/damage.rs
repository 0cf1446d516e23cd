//! What a store does when its disk is full, read-only, or returns something else than was
//! written: it says so, or has everything that was acknowledged. Never a part of it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use wgcni_store::{CommitError, Key, Loaded, SledStore, Store, Transaction};

/// How many places of a file are damaged, one after the other.
const PLACES: usize = 300;

fn key(n: usize) -> Key {
    Key::new("table", n)
}

fn commit(store: &SledStore, n: usize) -> Result<(), CommitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let value = format!("{n}").repeat(100).into_bytes();
    runtime.block_on(store.commit(Transaction::new().put(&key(n), value))).map(drop)
}

/// A store that was closed, with what was acknowledged, and its files.
struct Filled {
    dir: tempfile::TempDir,
    whole: Loaded,
}

impl Filled {
    /// Two lives: the second one appends to what the first one left.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for life in 0..2 {
            let store = SledStore::open(&dir.path().join("store")).unwrap();
            (0..40).for_each(|n| commit(&store, life * 30 + n).unwrap());
        }
        let whole = SledStore::open(&dir.path().join("store")).unwrap().load();
        Self { dir, whole }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Every file, by its name in the directory.
    fn files(&self) -> Vec<String> {
        let names = |dir: PathBuf| -> Vec<String> {
            let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
            let files = entries.filter(|e| e.file_type().unwrap().is_file());
            files.map(|e| e.file_name().into_string().unwrap()).collect()
        };
        let mut files = names(self.path());
        files.extend(names(self.path().join("db")).iter().map(|name| format!("db/{name}")));
        files.retain(|name| name != "lock");
        files.sort();
        files
    }

    /// Damages a copy, and opens it: refused by a message that names the store, or whole.
    fn damaged(&self, file: &str, what: &str, damage: impl FnOnce(&Path)) -> bool {
        let copy = self.dir.path().join("copy");
        copy_all(&self.path(), &copy);
        damage(&copy.join(file));
        let opened = SledStore::open(&copy);
        let refused = match opened {
            Ok(store) => {
                assert_eq!(store.load(), self.whole, "{file}: {what}");
                false
            }
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains(copy.to_str().unwrap()), "{file}: {what}: {said}");
                true
            }
        };
        fs::remove_dir_all(&copy).unwrap();
        refused
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Places all over a file, denser where it is written: the rest is zeros.
fn places(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let dense = (0..used).step_by(1.max(used / PLACES));
    let sparse = (used..bytes.len()).step_by(1.max((bytes.len() - used) / 20));
    dense.chain(sparse).collect()
}

#[test]
fn a_store_with_a_flipped_bit_is_refused_or_whole() {
    let filled = Filled::new();
    let mut refused = 0;
    for file in filled.files() {
        for at in places(&filled.path().join(&file)) {
            let flip = |path: &Path| {
                let mut bytes = fs::read(path).unwrap();
                bytes[at] ^= 1 << (at % 8);
                fs::write(path, bytes).unwrap();
            };
            refused += usize::from(filled.damaged(&file, &format!("flip at {at}"), flip));
        }
    }
    assert!(refused > PLACES / 2, "only {refused} were noticed");
}

#[test]
fn a_store_that_is_cut_anywhere_is_refused_or_whole() {
    let filled = Filled::new();
    let mut refused = 0;
    for file in filled.files() {
        for at in places(&filled.path().join(&file)) {
            let cut = |path: &Path| {
                File::options().write(true).open(path).unwrap().set_len(at as u64).unwrap();
            };
            refused += usize::from(filled.damaged(&file, &format!("cut at {at}"), cut));
        }
    }
    assert!(refused > PLACES / 2, "only {refused} were noticed");
}

#[test]
fn a_store_without_one_of_its_files_is_refused_or_whole() {
    let filled = Filled::new();
    for file in filled.files() {
        filled.damaged(&file, "removed", |path| fs::remove_file(path).unwrap());
        filled.damaged(&file, "emptied", |path| fs::write(path, "").unwrap());
    }
}

/// Runs on a thread with a small disk of its own, given by its path.
fn on_a_disk(megabytes: usize, test: impl FnOnce(&Path) + Send) {
    let dir = tempfile::tempdir().unwrap();
    let inside = || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        let size = format!("size={megabytes}m");
        let tmpfs = Some("tmpfs");
        mount(tmpfs, dir.path(), tmpfs, MsFlags::empty(), Some(size.as_str())).unwrap();
        test(dir.path());
    };
    thread::scope(|scope| scope.spawn(inside).join().unwrap());
}

/// Mounts a disk again in another way. It is busy until threads of a store that was closed
/// have let go of its files.
fn remount(disk: &Path, flags: MsFlags) {
    let none = None::<&str>;
    let again = || mount(none, disk, none, MsFlags::MS_REMOUNT | flags, none);
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = again() {
        assert!(error == Errno::EBUSY && Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Leaves no room on a disk.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    while file.write_all(&[0xa5; 4096]).is_ok() {}
    path
}

#[test]
fn what_a_full_disk_refuses_is_not_acknowledged_and_the_rest_stays() {
    on_a_disk(8, |disk| {
        let dir = disk.join("store");
        let store = SledStore::open(&dir).unwrap();
        (0..20).for_each(|n| commit(&store, n).unwrap());
        let filler = fill(disk);
        let mut acknowledged = 20;
        let refusal = loop {
            match commit(&store, acknowledged) {
                Ok(()) => acknowledged += 1,
                Err(error) => break error,
            }
            assert!(acknowledged < 100_000, "the disk is never full");
        };
        assert!(matches!(&refusal, CommitError::Failed(why) if why.contains("space")), "{refusal}");
        // Whatever comes next is refused, too.
        commit(&store, 0).unwrap_err();
        drop(store);
        // Still full: a message, or everything.
        match SledStore::open(&dir) {
            Ok(store) => all_are_there(&store, acknowledged),
            Err(error) => assert!(error.to_string().contains("store"), "{error}"),
        }
        fs::remove_file(filler).unwrap();
        let store = SledStore::open(&dir).unwrap();
        all_are_there(&store, acknowledged);
        commit(&store, 100_000).unwrap();
    });
}

fn all_are_there(store: &SledStore, acknowledged: usize) {
    let records = store.load().records;
    let lost = (0..acknowledged).find(|n| !records.contains_key(&key(*n)));
    assert_eq!(lost, None, "of {acknowledged} acknowledged, {} are there", records.len());
}

#[test]
fn a_full_disk_is_named_where_a_new_store_does_not_fit() {
    on_a_disk(1, |disk| {
        let filler = fill(disk);
        let error = SledStore::open(&disk.join("store")).err().unwrap().to_string();
        assert!(error.contains("store"), "{error}");
        fs::remove_file(filler).unwrap();
        commit(&SledStore::open(&disk.join("store")).unwrap(), 1).unwrap();
    });
}

#[test]
fn a_read_only_disk_is_refused_by_name_and_nothing_is_lost() {
    on_a_disk(8, |disk| {
        let dir = disk.join("store");
        let store = SledStore::open(&dir).unwrap();
        (0..20).for_each(|n| commit(&store, n).unwrap());
        drop(store);
        remount(disk, MsFlags::MS_RDONLY);
        let error = SledStore::open(&dir).err().unwrap();
        let said = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(said.contains("store/lock") && said.contains("Read-only"), "{said}");
        remount(disk, MsFlags::empty());
        all_are_there(&SledStore::open(&dir).unwrap(), 20);
    });
}
