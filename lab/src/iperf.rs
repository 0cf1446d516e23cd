//! Load between two namespaces.

use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::netns::Netns;
use crate::wait;

/// A server that ends when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Bits per second of one TCP stream.
///
/// # Errors
/// When iperf3 fails.
pub fn throughput(from: &Netns, to: &Netns, address: &str, seconds: &str) -> Result<f64> {
    let mut server = to.command("iperf3")?;
    server.args(["-s", "-B", address]).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server(server.spawn().context("start iperf3")?);
    // The first attempts may come before the server listens.
    wait::until_ok("iperf3", || {
        let report = from.run(&["iperf3", "-J", "-c", address, "-t", seconds])?;
        let report: Value = serde_json::from_str(&report)?;
        let rate = report["end"]["sum_received"]["bits_per_second"].as_f64();
        rate.filter(|rate| *rate > 0.0).with_context(|| format!("no rate in {report}"))
    })
}
