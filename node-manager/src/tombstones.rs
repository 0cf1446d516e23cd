//! DELs that came while the node-manager was down: the plugin left a file for each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use wgcni_fault::around;
use wgcni_model::AttachmentKey;
use wgcni_store::Store;

use crate::attachments::Attachments;

/// Largest tombstone in bytes: names are at most 255 bytes each.
const LARGEST: u64 = 4096;

/// How far the time of a file may lie behind the clock: one tick of the kernel's.
const CLOCK: Duration = Duration::from_millis(10);

/// Age at which a file that is still being written never will be: its plugin was killed.
/// One that hangs for so long fails, and the runtime repeats the DEL.
const UNFINISHED: Duration = Duration::from_secs(5);

/// A DEL, as the plugin writes it.
#[derive(Debug, Deserialize)]
struct Tombstone {
    #[serde(flatten)]
    key: AttachmentKey,
    /// The boot in which the DEL began, and when since then, where it was one.
    #[serde(default)]
    boot: String,
    #[serde(default)]
    began_ns: Option<u64>,
}

/// Where tombstones lie.
#[derive(Debug, Clone)]
pub struct Tombstones(PathBuf);

impl Tombstones {
    /// The tombstones below `state_dir`.
    pub fn new(state_dir: &Path) -> Self {
        Self(state_dir.join("tombstones"))
    }

    /// Does what the tombstones say and removes them. One that does not work stays for the
    /// next time; one that makes no sense is put aside.
    pub async fn drain<S: Store>(&self, attachments: &Attachments<S>) {
        let files = match files(&self.0) {
            Ok(files) => files,
            Err(error) => {
                tracing::error!(path = %self.0.display(), %error, "list tombstones");
                return;
            }
        };
        for path in files {
            match read(&path) {
                Ok(Some((tombstone, written))) => {
                    settle(&path, &tombstone, written, attachments).await;
                }
                Ok(None) => {}
                Err(error) => put_aside(&path, &error),
            }
        }
    }
}

async fn settle<S: Store>(
    path: &Path,
    tombstone: &Tombstone,
    written: SystemTime,
    attachments: &Attachments<S>,
) {
    let Tombstone { key, boot, began_ns } = tombstone;
    // An ADD that began before may still be trying to reach us.
    if let Some(began) = began_ns.filter(|_| attachments.is_of(boot)) {
        attachments.note_end(key, Duration::from_nanos(began));
    }
    // What was attached after the DEL is a successor, and stays.
    let detached = attachments.detach_before(key, written + CLOCK);
    if let Err(error) = around!("tombstone.settle", detached.await) {
        tracing::error!(attachment = %key, %error, "a tombstone stays");
    } else if let Err(error) = around!("tombstone.forget", fs::remove_file(path)) {
        tracing::error!(path = %path.display(), %error, "remove a tombstone");
    } else {
        tracing::info!(attachment = %key, "tombstone settled");
    }
}

/// The tombstones; files that are still being written have other names, and go when nobody
/// writes them any more.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        } else if path.extension().is_some_and(|e| e == "tmp") && is_abandoned(&path) {
            fs::remove_file(path)?;
        }
    }
    files.sort();
    Ok(files)
}

fn is_abandoned(path: &Path) -> bool {
    let written = fs::symlink_metadata(path).and_then(|file| file.modified());
    written.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > UNFINISHED))
}

/// What a tombstone says and when it was written; `None` when it is gone.
fn read(path: &Path) -> io::Result<Option<(Tombstone, SystemTime)>> {
    let read = || {
        let file = fs::symlink_metadata(path)?;
        if !file.is_file() || file.len() > LARGEST {
            return Err(io::Error::other("is not a tombstone"));
        }
        Ok((decode(&fs::read(path)?)?, file.modified()?))
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

fn decode(bytes: &[u8]) -> serde_json::Result<Tombstone> {
    serde_json::from_slice(bytes)
}

/// Body of a fuzz target: a tombstone that is read names an attachment.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Ok(Tombstone { key, .. }) = decode(bytes) {
        let written = serde_json::to_vec(&key).unwrap_or_default();
        assert_eq!(decode(&written).ok().map(|read| read.key), Some(key));
    }
}

fn put_aside(path: &Path, error: &io::Error) {
    let aside = path.with_extension("refused");
    tracing::error!(path = %path.display(), %error, "put a senseless tombstone aside");
    if let Err(error) = fs::rename(path, &aside) {
        tracing::error!(path = %aside.display(), %error, "put a tombstone aside");
    }
}
