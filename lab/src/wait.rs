//! Waiting for what must come true: bounded, with generous deadlines.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long anything may take before a run is given up.
pub const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(50);

/// Waits until `what` holds, asking again and again.
///
/// # Errors
/// When it does not within [`PATIENCE`].
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    until_ok(what, || if holds() { Ok(()) } else { bail!("not yet") })
}

/// Waits until `attempt` succeeds and returns its value.
///
/// # Errors
/// With the last attempt's error when none succeeds within [`PATIENCE`].
pub fn until_ok<T>(what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() > PATIENCE => {
                return Err(error).with_context(|| format!("waited {PATIENCE:?} for {what}"));
            }
            Err(_) => sleep(PAUSE),
        }
    }
}
