//! The host's clock, which runs from its boot on.

use nix::time::ClockId;
use std::time::Duration;

/// Time since boot, suspended or not: what two processes of the host can compare.
pub fn since_boot() -> Duration {
    // Linux has this clock since 2.6.39.
    ClockId::CLOCK_BOOTTIME.now().map_or(Duration::ZERO, Duration::from)
}
