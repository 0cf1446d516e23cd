//! Opening a store: all of it is read and checked before any of it is believed.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wgcni_fault::around;
use wgcni_model::{History, Revision};

use super::envelope::{Summary, checksum, decode_entry, decode_summary, encode_summary};
use super::mark::Mark;
use super::writer::Files;
use crate::table::{Entry, Table};
use crate::{Key, OpenError};

/// Prefix of entries in the tree.
pub(super) const ENTRY: u8 = b'e';
/// Key of the summary in the tree.
pub(super) const SUMMARY: &[u8] = b"s";

/// How long a process that was killed may still have the lock: a program that it was just
/// starting has it, too, until that is loaded.
const LINGER: Duration = Duration::from_secs(1);

/// A store that is in order.
pub(super) struct Opened {
    pub table: Table,
    pub files: Files,
    pub lock: File,
}

pub(super) fn open(dir: &Path) -> Result<Opened, OpenError> {
    make_private(dir)?;
    let lock = lock(dir)?;
    let mark = dir.join("mark");
    let marked = match Mark::read(&mark).map_err(io_error("read", &mark))? {
        Some(Ok(summary)) => Some(summary),
        Some(Err(reason)) => return Err(record(dir, "mark", reason)),
        None => None,
    };
    let path = dir.join("db");
    if marked.is_some() && !path.join("db").exists() {
        return Err(incomplete(dir, "its database db/db is missing"));
    }
    let db = open_database(&path)?;
    let found = read(dir, &db)?;
    let (table, summary) = match (found, &marked) {
        (Some(found), _) => found,
        (None, None) => create(dir, &db)?,
        (None, Some(_)) => {
            return Err(incomplete(dir, "its database is empty, and it had records"));
        }
    };
    check_mark(dir, marked.as_ref(), &summary)?;
    let data = data_file(&path)?;
    data.sync_all().map_err(io_error("sync", &path))?;
    sync_dirs(dir, &path)?;
    let made = around!("store.mark-new", Mark::create(&mark, &summary));
    let mark = made.map_err(io_error("write", &mark))?;
    sync_dirs(dir, &path)?;
    Ok(Opened { table, files: Files { db, data, mark, summary }, lock })
}

fn make_private(dir: &Path) -> Result<(), OpenError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(io_error("create", dir)),
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(io_error("open", &path))?;
    let end = Instant::now() + LINGER;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(LINGER / 100),
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
        }
    }
}

fn open_database(path: &Path) -> Result<sled::Db, OpenError> {
    let config = sled::Config::new()
        .path(path)
        // Ours flushes, and the table has everything; the default cache is 1 GB.
        .flush_every_ms(None)
        .cache_capacity(1024 * 1024);
    let database = |reason: String| OpenError::Database { path: path.to_owned(), reason };
    let end = Instant::now() + LINGER;
    loop {
        // Damaged files make sled panic in places.
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(db),
            // Its lock lingers as ours does, and ours we have.
            Ok(Err(error)) if is_lock(&error) && Instant::now() < end => sleep(LINGER / 100),
            Ok(Err(error)) => return Err(database(error.to_string())),
            Err(_) => return Err(database("it is damaged, and reading it panicked".to_owned())),
        }
    }
}

/// sled has no kind of its own for it.
fn is_lock(error: &sled::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// The table and its summary, or `None` when there is nothing at all.
fn read(dir: &Path, db: &sled::Db) -> Result<Option<(Table, Summary)>, OpenError> {
    let damaged = |error: sled::Error| OpenError::Database {
        path: dir.join("db"),
        reason: error.to_string(),
    };
    let mut entries = BTreeMap::new();
    let (mut digest, mut summary) = (0_u64, None);
    for item in db.iter() {
        let (name, bytes) = item.map_err(damaged)?;
        if &*name == SUMMARY {
            let read = decode_summary(&bytes);
            summary = Some(read.map_err(|reason| record(dir, "summary", reason))?);
            continue;
        }
        let (key, entry) = read_entry(dir, &name, &bytes)?;
        digest = digest.wrapping_add(checksum(&bytes));
        entries.insert(key, entry);
    }
    let Some(summary) = summary else {
        return match entries.len() {
            0 => Ok(None),
            _ => Err(record(dir, "summary", "is missing".to_owned())),
        };
    };
    check_summary(dir, &summary, &entries, digest)?;
    let Summary { history, revision, compacted, .. } = summary.clone();
    Ok(Some((Table::restore(history, revision, compacted, entries), summary)))
}

fn read_entry(dir: &Path, name: &[u8], bytes: &[u8]) -> Result<(Key, Entry), OpenError> {
    let key = name.strip_prefix(&[ENTRY]).and_then(Key::parse).ok_or_else(|| {
        let name = name.escape_ascii().to_string();
        record(dir, &name, "is none of ours".to_owned())
    })?;
    let entry = decode_entry(&key, bytes);
    let entry = entry.map_err(|reason| record(dir, key.as_str(), reason))?;
    Ok((key, entry))
}

fn check_summary(
    dir: &Path,
    summary: &Summary,
    entries: &BTreeMap<Key, Entry>,
    digest: u64,
) -> Result<(), OpenError> {
    let found = entries.len() as u64;
    if found != summary.entries {
        let reason = format!("it has {found} records, and {} were written", summary.entries);
        return Err(incomplete(dir, reason));
    }
    if digest != summary.digest {
        return Err(incomplete(dir, "a record is older than what was written last"));
    }
    let newer = entries.iter().find(|(_, entry)| entry.revision > summary.revision);
    match newer {
        Some((key, _)) => {
            Err(record(dir, key.as_str(), "is newer than the store's revision".to_owned()))
        }
        None => Ok(()),
    }
}

fn check_mark(dir: &Path, marked: Option<&Summary>, summary: &Summary) -> Result<(), OpenError> {
    match marked {
        None if summary.revision == Revision(0) => Ok(()),
        None => Err(incomplete(dir, "its file mark is missing, and it has records")),
        Some(mark) if mark.history != summary.history => {
            Err(incomplete(dir, "its database is another store's, says its file mark"))
        }
        Some(mark) if mark.revision > summary.revision => Err(incomplete(
            dir,
            format!(
                "its database ends at revision {}, and revision {} was acknowledged",
                summary.revision, mark.revision
            ),
        )),
        Some(_) => Ok(()),
    }
}

fn create(dir: &Path, db: &sled::Db) -> Result<(Table, Summary), OpenError> {
    let table = Table::new(History::from_random(rand::random()));
    let summary = Summary {
        history: table.history().clone(),
        revision: Revision(0),
        compacted: Revision(0),
        entries: 0,
        digest: 0,
    };
    let write = || db.insert(SUMMARY, encode_summary(&summary)).and_then(|_| db.flush());
    let written = around!("store.create", write());
    written
        .map_err(|error| OpenError::Database { path: dir.join("db"), reason: error.to_string() })?;
    Ok((table, summary))
}

/// sled's file, for syncs of our own: its flush survives a crash of the process, not
/// of the machine.
fn data_file(database: &Path) -> Result<File, OpenError> {
    let path = database.join("db");
    let file = File::open(&path).map_err(io_error("open", &path))?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(io_error("protect", &path))?;
    Ok(file)
}

/// Makes new files and their names durable: sled's own settings, which it needs to
/// open again, would else be lost in a power cut.
fn sync_dirs(dir: &Path, database: &Path) -> Result<(), OpenError> {
    let conf = database.join("conf");
    for path in [&conf, database, dir, dir.parent().unwrap_or(dir)] {
        let path: PathBuf = if path.as_os_str().is_empty() { ".".into() } else { path.into() };
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(io_error("sync", &path))?;
    }
    Ok(())
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { action, path, source }
}

fn record(dir: &Path, record: &str, reason: String) -> OpenError {
    OpenError::Record { path: dir.to_owned(), record: record.to_owned(), reason }
}

fn incomplete(dir: &Path, reason: impl Into<String>) -> OpenError {
    OpenError::Incomplete { path: dir.to_owned(), reason: reason.into() }
}
