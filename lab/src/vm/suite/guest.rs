//! What runs tests inside the machine and tells the lab how they end.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::Test;
use crate::programs;
use crate::say;

/// Begins a line with a test and its seconds.
pub const PASSED: &str = "PASSED";

/// Begins each line that a failed test printed.
pub const FAILED: &str = "FAILED";

/// The line after the last of those.
pub const DONE: &str = "ALL TESTS DONE";

/// Set where tests run inside the machine.
pub const VARIABLE: &str = "WGCNI_LAB_GUEST";

/// How many tests run beside each other.
const WORKERS: usize = 2;

/// Lines that are told of a failed test: the console is slow.
const LAST: usize = 120;

/// Whether this is inside the machine.
pub fn is_here() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Tests as the guest reads them: one per line, those that want to be alone above an
/// empty one.
pub fn list(tests: &[Test]) -> String {
    let mut text = String::new();
    for alone in [true, false] {
        for test in tests.iter().filter(|test| test.alone == alone) {
            let _ = writeln!(text, "{} {}", test.executable, test.name);
        }
        text.push('\n');
    }
    text
}

/// Runs the tests of the list.
///
/// # Errors
/// When there is no list.
pub fn run() -> Result<()> {
    let text = fs::read_to_string(Path::new("/").join(super::LIST))?;
    let (alone, beside) = text.split_once("\n\n").context("a list without an empty line")?;
    run_all(alone, 1);
    run_all(beside, WORKERS);
    say::line(DONE);
    Ok(())
}

fn run_all(tests: &str, workers: usize) {
    let next = Mutex::new(tests.lines().filter_map(|line| line.split_once(' ')));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    // The lock ends with the line, so that others take theirs meanwhile.
                    let Some((executable, name)) = next.lock().ok().and_then(|mut n| n.next())
                    else {
                        return;
                    };
                    run_one(executable, name);
                }
            });
        }
    });
}

fn run_one(executable: &str, name: &str) {
    let start = Instant::now();
    // For people: which of them did not end.
    say::line(format!("running {executable} {name}"));
    let mut command = Command::new(Path::new("/bin").join(executable));
    command.args(["--exact", "--nocapture", name]).env("RUST_BACKTRACE", "0");
    // Test executables do not lie beside the programs here.
    command.env(programs::VARIABLE, "/bin").env(VARIABLE, "1");
    let said = match command.output() {
        Ok(output) if output.status.success() => {
            say::line(format!("{PASSED} {name} {:.1}", start.elapsed().as_secs_f64()));
            return;
        }
        Ok(output) => [output.stdout, output.stderr].concat(),
        Err(error) => error.to_string().into_bytes(),
    };
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().collect();
    let told = lines[lines.len().saturating_sub(LAST)..].iter();
    // In one piece: another test may end meanwhile.
    let told: Vec<String> = told.map(|line| format!("{FAILED} {name} {line}")).collect();
    say::line(told.join("\n"));
}
