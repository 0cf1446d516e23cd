//! Taking runs down by name: the same way for a lab that is dropped and for one
//! that was killed. Only what lies in namespaces of the run is touched.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::netns::{self, Netns};
use crate::registry::Run;
use crate::runtime::cgroup;

/// Rounds of looking for processes before giving up; new ones may start meanwhile.
const ROUNDS: u32 = 100;

/// What was found and taken down.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Runs taken off the list.
    pub runs: usize,
    /// Network namespaces removed.
    pub namespaces: usize,
    /// Processes ended.
    pub processes: usize,
}

/// Takes runs down, those included whose owner still runs: it is ended first.
///
/// # Errors
/// When something remains.
pub fn these(runs: &[Run]) -> Result<Swept> {
    let mut swept = Swept::default();
    for run in runs {
        if let Some(owner) = run.living_owner() {
            let _ = kill(Pid::from_raw(owner), Signal::SIGKILL);
            swept.processes += 1;
        }
        let one = sweep(run)?;
        swept.runs += 1;
        swept.namespaces += one.namespaces;
        swept.processes += one.processes;
    }
    Ok(swept)
}

/// Takes down the runs of this process: for one that is asked to end.
///
/// # Errors
/// When something remains.
pub fn own() -> Result<()> {
    let runs: Vec<Run> = Run::all()?.into_iter().filter(Run::is_own).collect();
    // Another thread may be in the middle of making a host, and notices the end only
    // when it uses it: what it finished meanwhile is found by a second look.
    for pause in [Duration::from_millis(200), Duration::ZERO] {
        for run in &runs {
            sweep(run)?;
        }
        sleep(pause);
    }
    Ok(())
}

/// Takes one run down: its processes, its namespaces (mounts and links go with
/// them), its directory. May be repeated.
///
/// # Errors
/// With all that remains.
pub fn sweep(run: &Run) -> Result<Swept> {
    let namespaces = namespaces_of(run);
    // Runtimes first: they would start again, or clean up after, what ends below them.
    let processes = end_all_in(&inodes_of(run))? + cgroup::sweep(run)?;
    let stay: Vec<String> = namespaces
        .iter()
        .filter_map(|namespace| namespace.remove().err())
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(stay.is_empty(), "{}", stay.join("; "));
    run.forget()?;
    Ok(Swept { runs: 1, namespaces: namespaces.len(), processes })
}

/// Inode numbers of a run's namespaces.
pub fn inodes_of(run: &Run) -> BTreeSet<u64> {
    namespaces_of(run).iter().filter_map(|namespace| namespace.inode().ok()).collect()
}

fn namespaces_of(run: &Run) -> Vec<Netns> {
    let prefix = run.name_of("");
    let Ok(entries) = fs::read_dir(netns::DIRECTORY) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(&prefix))
        .map(|name| Netns::named(&name))
        .collect()
}

/// Ends every process in the namespaces until none is left.
///
/// # Errors
/// When one does not end.
pub fn end_all_in(inodes: &BTreeSet<u64>) -> Result<usize> {
    let mut ended = BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = processes_in(inodes);
        if found.is_empty() {
            return Ok(ended.len());
        }
        for id in found {
            let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
            ended.insert(id);
        }
        sleep(Duration::from_millis(20));
    }
    let left = processes_in(inodes);
    ensure!(left.is_empty(), "processes {left:?} do not end");
    Ok(ended.len())
}

/// Ids of the processes whose network namespace is one of these. One that has ended
/// and waits for its parent has no namespace any more.
pub fn processes_in(inodes: &BTreeSet<u64>) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &i32| {
            let link = Path::new("/proc").join(id.to_string()).join("ns/net");
            fs::read_link(link)
                .ok()
                .and_then(|target| inode_of(&target.to_string_lossy()))
                .is_some_and(|inode| inodes.contains(&inode))
        })
        .collect()
}

/// `net:[4026532177]` → 4026532177.
fn inode_of(link: &str) -> Option<u64> {
    link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}
