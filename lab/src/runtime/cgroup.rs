//! Control groups that a run's runtimes made: one tree below each hierarchy of the
//! machine, named after the run.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::registry::Run;

/// Where the hierarchies are mounted: one (version 2), or one below for each controller.
const DIRECTORY: &str = "/sys/fs/cgroup";

/// Rounds of ending processes before giving up.
const ROUNDS: u32 = 100;

/// Ends every process in the run's control groups and takes the groups away; how many
/// processes that were. Without any it does nothing.
///
/// # Errors
/// When a process does not end.
pub fn sweep(run: &Run) -> Result<usize> {
    let mut ended = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let groups = groups_of(run);
        let processes = groups.iter().flat_map(|group| processes_in(group)).collect::<Vec<_>>();
        for id in &processes {
            let _ = kill(Pid::from_raw(*id), Signal::SIGKILL);
            ended.insert(*id);
        }
        // A group that has just lost its last process may still be busy.
        if processes.is_empty() && groups.iter().all(|group| remove(group)) {
            return Ok(ended.len());
        }
        sleep(Duration::from_millis(20));
    }
    let left = groups_of(run);
    ensure!(left.is_empty(), "control groups {left:?} stay");
    Ok(ended.len())
}

/// Control groups of what runs below the run's runtimes, innermost first.
pub fn groups_of(run: &Run) -> Vec<PathBuf> {
    let mut groups = Vec::new();
    let root = Path::new(DIRECTORY);
    for hierarchy in directories(root).into_iter().chain([root.to_owned()]) {
        let top = hierarchy.join(run.id());
        if top.is_dir() {
            collect(&top, &mut groups);
        }
    }
    groups
}

fn collect(group: &Path, into: &mut Vec<PathBuf>) {
    for below in directories(group) {
        collect(&below, into);
    }
    into.push(group.to_owned());
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.filter(is_directory).map(|entry| entry.path()).collect()
}

fn processes_in(group: &Path) -> Vec<i32> {
    let list = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    list.lines().filter_map(|line| line.parse().ok()).collect()
}

fn remove(group: &Path) -> bool {
    fs::remove_dir(group)
        .or_else(|e| (e.kind() == ErrorKind::NotFound).then_some(()).ok_or(e))
        .is_ok()
}
