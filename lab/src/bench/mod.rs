//! `lab bench`: the programs beside what people use today, in the same run.
//!
//! Ours and the other take turns, so that a machine that is slow for a while is slow
//! for both; what counts is the ratio.

mod attach;
pub mod memory;
mod sample;
mod table;
mod traffic;
pub mod wireguard_go;

use anyhow::Result;

use crate::cluster::Cluster;
use crate::say;

/// Measures everything and merges it into `bench.json` beside the profile's directory.
///
/// # Errors
/// When something does not run.
pub fn run() -> Result<()> {
    let mut found = Vec::new();
    say::step("CNI ADD and DEL beside bridge + host-local; memory");
    found.extend(attach::measure(&Cluster::new()?)?);
    say::step("container to container across nodes, beside wireguard-go and plain veth");
    found.extend(traffic::measure(&Cluster::new()?)?);
    found.push(memory::plugin_size()?);
    let all = table::merge(&found)?;
    say::step("result");
    table::show(&all);
    Ok(())
}
