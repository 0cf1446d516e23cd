//! A small file beside the database that says how far the store had come.
//!
//! The database repairs itself after a crash by dropping what it cannot read at its
//! end; cut or replaced by an older copy it would look older, and removed it would
//! look new. The mark, written after each group of commits, tells that from the truth:
//! it is never ahead of the database, because it is written after the flush, and
//! after a power cut it may only be behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::envelope::{Summary, decode_summary, encode_summary};

/// The open mark.
pub(crate) struct Mark(File);

impl Mark {
    /// What the mark says; `None` when there is no mark.
    pub fn read(path: &Path) -> io::Result<Option<Result<Summary, String>>> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(4096).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(decode_summary(&bytes)))
    }

    /// Opens the mark, makes it say `summary` and be durable.
    pub fn create(path: &Path, summary: &Summary) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mark = Self(file);
        mark.write(summary)?;
        mark.0.sync_all()?;
        Ok(mark)
    }

    /// Says how far the store has come. Not synced: a summary always has the same
    /// size, fits one sector, and an older one is right too.
    pub fn write(&self, summary: &Summary) -> io::Result<()> {
        self.0.write_all_at(&encode_summary(summary), 0)
    }
}
