//! `wgcni support-bundle`: what somebody else needs to see of this machine, in one file.
//!
//! What goes in is one table ([`parts::PARTS`]), and nothing else is read. Every part passes
//! [`redact`], whatever it is: a secret that got where none belongs does not get further.
//!
//! ```text
//! PARTS -> collect -> redact -> archive (tar, gzip) -> one file, 0600
//! ```

mod collect;
mod parts;
mod redact;

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use wgcni_daemon::files::atomic_write;

use crate::args::ReachArgs;
use crate::doctor::machine::Machine;
use crate::doctor::place::Places;
use crate::home::failed;
use crate::out::Out;
use crate::table::Table;
use crate::{Failure, times};
use collect::Collector;
use parts::PARTS;

/// Most bytes of one part: its end is kept.
const MOST: usize = 4 << 20;

/// Puts what somebody else needs to see of this machine into one file
#[derive(Debug, Args)]
pub(crate) struct Bundle {
    /// The file; by default wgcni-support-TIME.tar.gz here
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Show what goes in, and write nothing
    #[arg(long, conflicts_with_all = ["output", "force"])]
    list: bool,
    #[command(flatten)]
    places: Places,
}

/// A part that was collected, or why it was not.
struct Entry {
    name: String,
    content: Result<String, String>,
}

#[derive(Serialize)]
struct Written {
    file: String,
    parts: usize,
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    what: &'static str,
}

impl Bundle {
    pub async fn run(&self, at: &ReachArgs, out: &mut Out) -> Result<(), Failure> {
        if self.list {
            return list(out);
        }
        let output = self.output.clone().unwrap_or_else(|| default_name(out));
        let reserved = self.reserve(&output)?;
        let machine = Machine::look(&self.places.of(at), at.socket.as_deref()).await;
        let entries = Collector::new(machine).all().await;
        let missing = entries.iter().filter(|entry| entry.content.is_err());
        let missing: Vec<_> = missing.map(|entry| entry.name.clone()).collect();
        let bytes = archive(&entries, out.now.as_secs());
        let bytes = bytes.map_err(|error| Failure::failed(format!("make the bundle: {error}")))?;
        atomic_write(&output, &bytes, 0o600).map_err(|error| failed(&error))?;
        reserved.keep();
        let file = output.display().to_string();
        let text = format!("{file}\n");
        out.note("look into it before you give it away: tar -xzf, then index.txt first");
        out.show(&Written { file, parts: entries.len() - missing.len(), missing }, text)
    }

    /// Takes the name, so that nobody's file is replaced unless that was asked for.
    fn reserve(&self, output: &Path) -> Result<Reserved, Failure> {
        if self.force {
            return Ok(Reserved(None));
        }
        let taken = OpenOptions::new().write(true).create_new(true).mode(0o600).open(output);
        let path = output.display();
        match taken {
            Ok(_) => Ok(Reserved(Some(output.to_owned()))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(Failure::failed(format!("{path} is there already; --force replaces it")))
            }
            Err(error) => Err(Failure::failed(format!("create {path}: {error}"))),
        }
    }
}

/// A file that is removed again unless it is filled.
struct Reserved(Option<PathBuf>);

impl Reserved {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

fn default_name(out: &Out) -> PathBuf {
    let millis = u64::try_from(out.now.as_millis()).unwrap_or_default();
    let time = times::rfc3339(millis).unwrap_or_default().replace(':', "");
    PathBuf::from(format!("wgcni-support-{time}.tar.gz"))
}

fn list(out: &mut Out) -> Result<(), Failure> {
    let mut table = Table::new(&["PART", "WHAT"]);
    for part in PARTS {
        table.row([part.name.to_owned(), part.what.to_owned()]);
    }
    let parts: Vec<_> = PARTS.iter().map(|p| Listed { name: p.name, what: p.what }).collect();
    out.show(&parts, table)
}

/// The file's bytes: an index, and all parts that could be had, redacted.
fn archive(entries: &[Entry], now: u64) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut index = String::new();
    for entry in entries {
        let line = match &entry.content {
            Ok(text) => {
                let text = redact::text(end(text));
                append(&mut tar, &entry.name, &text, now)?;
                format!("{}: {} bytes\n", entry.name, text.len())
            }
            Err(why) => format!("{}: not here: {why}\n", entry.name),
        };
        index.push_str(&redact::text(&line));
    }
    append(&mut tar, "index.txt", &index, now)?;
    tar.into_inner()?.finish()
}

/// The end of a text that is too long, from the beginning of a line.
fn end(text: &str) -> &str {
    let Some(mut from) = text.len().checked_sub(MOST).filter(|from| *from > 0) else {
        return text;
    };
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].split_once('\n').map_or("", |(_, rest)| rest)
}

fn append(
    tar: &mut tar::Builder<impl std::io::Write>,
    name: &str,
    text: &str,
    now: u64,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(now);
    tar.append_data(&mut header, Path::new("wgcni-support").join(name), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_end_from_a_whole_line_on() {
        let text = format!("{}\nsecond\nthird\n", "ä".repeat(MOST));
        assert_eq!(end(&text), "second\nthird\n");
        assert_eq!(end("short"), "short");
        // A line that is too long is no line.
        assert_eq!(end(&"x".repeat(MOST + 1)), "");
    }
}
