//! Waiting for what must come true: bounded, with generous deadlines.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::vm::suite::guest;

const PAUSE: Duration = Duration::from_millis(50);

/// How long anything may take before a run is given up.
pub fn patience() -> Duration {
    // An emulated processor is slow, and slower on a busy machine.
    Duration::from_secs(if guest::is_here() { 120 } else { 30 })
}

/// Waits until `what` holds, asking again and again.
///
/// # Errors
/// When it does not within [`patience`].
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    until_ok(what, || if holds() { Ok(()) } else { bail!("not yet") })
}

/// Waits until `attempt` succeeds and returns its value.
///
/// # Errors
/// With the last attempt's error when none succeeds within [`patience`].
pub fn until_ok<T>(what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() > patience() => {
                return Err(error).with_context(|| format!("waited {:?} for {what}", patience()));
            }
            Err(_) => sleep(PAUSE),
        }
    }
}
