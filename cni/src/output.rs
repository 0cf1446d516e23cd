//! The only place that prints: one JSON object or nothing on stdout.

use crate::error::Error;
use crate::version::Version;
use serde_json::Value;
use std::io::Write;

/// Prints an answer; returns the exit code.
pub fn answer(stdout: &mut dyn Write, value: &Value) -> u8 {
    print(stdout, &format!("{value}\n"), 0)
}

/// Prints an error; returns the exit code.
pub fn failure(stdout: &mut dyn Write, error: &Error, version: Version) -> u8 {
    print(stdout, &format!("{}\n", error.to_json(version)), 1)
}

/// Prints words for people; returns the exit code.
pub fn words(stderr: &mut dyn Write, text: &str) -> u8 {
    print(stderr, text, 0)
}

/// In one write, so that a reader never has half an object. Where the reader is gone, only
/// the exit code is left to say so.
fn print(to: &mut dyn Write, text: &str, code: u8) -> u8 {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => code,
        Err(_) => 1,
    }
}
