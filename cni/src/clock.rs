//! The host's clock, which runs from its boot on.

use nix::libc::{CLOCK_BOOTTIME, clock_gettime, timespec};
use std::time::Duration;

/// Time since boot, suspended or not: what two processes of the host can compare.
#[allow(unsafe_code)]
pub fn since_boot() -> Duration {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a timespec to where there is one.
    let done = unsafe { clock_gettime(CLOCK_BOOTTIME, &raw mut time) };
    debug_assert_eq!(done, 0, "Linux has this clock since 2.6.39");
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}
