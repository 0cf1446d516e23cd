//! What a cluster-manager costs: durable leases against leases that are not, how
//! soon watchers know a new peer, what that sends, what 1,000 nodes take, and what mutual
//! TLS adds.
//!
//! Prints a table and writes `{"name": {"ours", "other", "ratio", "unit", "n"}}` to the
//! file that `WGCNI_BENCH_JSON` names.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod channel;
mod leases;
mod process;
mod watchers;
mod wire;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// Two numbers side by side.
struct Entry {
    name: &'static str,
    ours: f64,
    other: f64,
    unit: &'static str,
    n: usize,
    /// What `other` is.
    beside: &'static str,
}

fn main() {
    wgcni_daemon::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut entries = vec![runtime.block_on(leases::durable_rate())];
    entries.extend(runtime.block_on(watchers::measure()));
    entries.extend(runtime.block_on(channel::measure()));
    report(&entries);
    // Thousands of idle connections are not worth waiting for.
    runtime.shutdown_background();
}

fn report(entries: &[Entry]) {
    println!("{:<24} {:>12} {:>12} {:>8}  beside", "", "ours", "other", "ratio");
    let mut json = Map::new();
    for Entry { name, ours, other, unit, n, beside } in entries {
        let ratio = ours / other;
        println!("{name:<24} {ours:>12.1} {other:>12.1} {ratio:>8.3}  {unit}, n = {n}; {beside}");
        let value = json!({"ours": ours, "other": other, "ratio": ratio, "unit": unit, "n": n});
        json.insert((*name).to_owned(), value);
    }
    let path = std::env::var_os("WGCNI_BENCH_JSON").map_or_else(default_path, PathBuf::from);
    std::fs::write(&path, serde_json::to_vec_pretty(&Value::Object(json)).unwrap()).unwrap();
    println!("written to {}", path.display());
}

/// `bench-registry.json` in the target directory, whose `tmp` cargo names.
fn default_path() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-registry.json")
}

/// The value below which a part of the sorted samples lies.
fn percentile(samples: &mut [f64], part: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    let at = ((samples.len() - 1) as f64 * part).round() as usize;
    samples[at]
}
