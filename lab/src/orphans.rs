//! Programs of ours that a killed test left in a network namespace without a name.
//!
//! Tests of other crates run them below processes of their own. When such a process is
//! killed, init inherits all that it had started; so a namespace is abandoned when
//! nothing in it has a parent outside of it but init.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{clean, programs};

/// What a test starts as a daemon.
const DAEMONS: [&str; 2] = ["cluster-manager", "node-manager"];

const INIT: i32 = 1;

struct Process {
    id: i32,
    parent: i32,
    namespace: u64,
    program: PathBuf,
}

/// Ends everything in abandoned namespaces in which a daemon runs that was built beside
/// this program; how many processes that were.
///
/// # Errors
/// When one does not end.
pub fn end() -> Result<usize> {
    let profile = programs::directory()?.canonicalize()?;
    // Tests run what the dev profile built, whichever profile this program is of. Cargo
    // marks the directory of all profiles.
    let target = profile.parent().filter(|parent| parent.join("CACHEDIR.TAG").exists());
    let built = target.unwrap_or(&profile);
    let own = fs::metadata("/proc/self/ns/net")?.ino();
    clean::end_all_in(&abandoned(&processes(), built, own))
}

fn abandoned(all: &[Process], built: &Path, own: u64) -> BTreeSet<u64> {
    let is_daemon = |process: &&Process| {
        let name = process.program.file_name().unwrap_or_default().to_string_lossy();
        // The kernel marks a program whose file was replaced.
        let name = name.trim_end_matches(" (deleted)");
        process.program.starts_with(built) && DAEMONS.contains(&name)
    };
    let namespace_of = |id| all.iter().find(|process| process.id == id).map(|p| p.namespace);
    let is_inherited = |process: &Process| {
        process.parent == INIT || namespace_of(process.parent) == Some(process.namespace)
    };
    all.iter()
        .filter(is_daemon)
        .map(|daemon| daemon.namespace)
        .filter(|namespace| *namespace != own)
        .filter(|namespace| {
            all.iter().filter(|process| process.namespace == *namespace).all(is_inherited)
        })
        .collect()
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(read).collect()
}

/// A process that has not ended.
fn read(id: i32) -> Option<Process> {
    let directory = PathBuf::from(format!("/proc/{id}"));
    let status = fs::read_to_string(directory.join("status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Some(Process {
        id,
        parent: parent.trim().parse().ok()?,
        namespace: fs::metadata(directory.join("ns/net")).ok()?.ino(),
        program: fs::read_link(directory.join("exe")).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Process, abandoned};

    const OWN: u64 = 1;

    fn process(id: i32, parent: i32, namespace: u64, program: &str) -> Process {
        Process { id, parent, namespace, program: program.into() }
    }

    fn found(all: &[Process]) -> Vec<u64> {
        abandoned(all, "/build/target".as_ref(), OWN).into_iter().collect()
    }

    #[test]
    fn a_namespace_whose_starter_is_gone_is_abandoned() {
        let all = [
            process(10, 1, 7, "/usr/bin/sleep"),
            process(11, 1, 7, "/build/target/debug/node-manager (deleted)"),
            process(12, 11, 7, "/usr/sbin/iptables"),
        ];
        assert_eq!(found(&all), [7]);
    }

    #[test]
    fn a_namespace_whose_starter_runs_is_not() {
        let all = [
            process(9, 2, OWN, "/build/target/debug/deps/rpc-1"),
            process(10, 9, 7, "/usr/bin/sleep"),
            process(11, 1, 7, "/build/target/debug/node-manager"),
        ];
        assert_eq!(found(&all), [0; 0]);
    }

    #[test]
    fn programs_of_others_and_of_the_machine_itself_are_not_touched() {
        let all = [
            process(10, 1, 7, "/usr/sbin/node-manager"),
            process(11, 1, 8, "/build/target/debug/something"),
            process(12, 1, OWN, "/build/target/debug/node-manager"),
        ];
        assert_eq!(found(&all), [0; 0]);
    }
}
