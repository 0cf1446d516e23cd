//! Load between two namespaces.

use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::netns::Netns;
use crate::wait;

/// Bits per second of one TCP stream.
///
/// # Errors
/// When iperf3 fails.
pub fn throughput(from: &Netns, to: &Netns, address: &str, seconds: &str) -> Result<f64> {
    let mut listener = to
        .command("iperf3")?
        .args(["-s", "-1", "-B", address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("start iperf3")?;
    let report =
        wait::until_ok("iperf3", || from.run(&["iperf3", "-J", "-c", address, "-t", seconds]));
    // It ends by itself after one client; not when none came.
    let _ = listener.kill();
    listener.wait()?;
    let report: Value = serde_json::from_str(&report?)?;
    report["end"]["sum_received"]["bits_per_second"].as_f64().context("iperf3 reported no rate")
}
