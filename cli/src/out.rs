//! What a command prints.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::Failure;

/// Where results go: stdout for what was asked for, stderr for what goes with it.
pub(crate) struct Out {
    /// For programs.
    pub json: bool,
    /// Time since the Unix epoch.
    pub now: Duration,
}

impl Out {
    pub fn new(json: bool, now: Duration) -> Self {
        Self { json, now }
    }

    /// One value: as JSON for programs, else as `text`.
    pub fn show(&mut self, value: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        if self.json {
            let mut json = serde_json::to_string_pretty(value).map_err(not_written)?;
            json.push('\n');
            self.bytes(json.as_bytes())
        } else {
            self.bytes(text.to_string().as_bytes())
        }
    }

    /// A line on stdout, as it is.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// Bytes on stdout, now.
    #[expect(clippy::unused_self, reason = "stdout has one owner")]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        written.map_err(|error| match error.kind() {
            // `wgcni … | head`: whoever reads has seen enough.
            io::ErrorKind::BrokenPipe => Failure::failed(""),
            _ => not_written(error),
        })
    }

    /// Something for people beside the result; programs do not want it.
    pub fn note(&mut self, text: impl Display) {
        if !self.json {
            eprintln!("{text}");
        }
    }
}

fn not_written(error: impl Display) -> Failure {
    Failure::failed(format!("write the result: {error}"))
}
