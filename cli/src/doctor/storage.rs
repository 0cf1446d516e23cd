//! Directories, their modes, the room in them, and what the system lets the daemons have.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::finding::{Finding, advice, run};
use super::machine::Machine;

const CHECK: &str = "storage";

/// Files that nobody but root may read.
const SECRET: [&str; 6] =
    ["mesh.key", "hub.key", "member/control.key", "member/member.json", "ca.key", "security.key"];

const MIB: u64 = 1 << 20;

pub(crate) struct Facts {
    loose: Vec<Loose>,
    disks: Vec<Disk>,
    /// How many files may be open at once: the system's limit for a process.
    open_files: Option<u64>,
    /// `fs.inotify.max_user_instances`.
    inotify: Option<u64>,
}

/// A path whose mode lets others in.
pub(crate) struct Loose {
    path: PathBuf,
    mode: u32,
    owner: u32,
    directory: bool,
}

pub(crate) struct Disk {
    path: PathBuf,
    free: u64,
    total: u64,
    /// Files that can still be made, where the file system counts them.
    files: Option<u64>,
    read_only: bool,
}

pub(crate) fn look(machine: &Machine) -> Facts {
    let manager = machine.manager_config.path("state_dir", "/var/lib/wgcni/cluster-manager");
    let roots = [machine.state_dir.clone(), manager];
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
    Facts {
        loose: roots.iter().flat_map(|root| loose(root)).collect(),
        disks: roots.iter().filter_map(|root| disk(root)).collect(),
        open_files: number("/proc/sys/fs/nr_open"),
        inotify: number("/proc/sys/fs/inotify/max_user_instances"),
    }
}

fn loose(root: &Path) -> Vec<Loose> {
    let paths = SECRET.iter().map(|file| root.join(file));
    let look = |path: PathBuf| {
        let metadata = fs::symlink_metadata(&path).ok()?;
        let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
        let open = mode & 0o077 != 0 || owner != 0;
        open.then_some(Loose { path, mode, owner, directory: metadata.is_dir() })
    };
    [root.to_owned(), root.join("member")].into_iter().chain(paths).filter_map(look).collect()
}

fn disk(path: &Path) -> Option<Disk> {
    let stat = statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
    Some(Disk {
        path: path.to_owned(),
        free: bytes(stat.blocks_available()),
        total: bytes(stat.blocks()),
        files: (stat.files() > 0).then(|| stat.files_available()),
        read_only: stat.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY),
    })
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = facts.loose.iter().map(judge_loose).collect();
    findings.extend(facts.disks.iter().map(judge_disk));
    if let Some(few) = facts.open_files.filter(|&files| files < 4096) {
        let seen = format!("a process may open {few} files: each connection is one");
        findings.push(Finding::warning(CHECK, seen, run("sysctl -w fs.nr_open=1048576")));
    }
    if let Some(few) = facts.inotify.filter(|&instances| instances < 16) {
        let seen = format!("fs.inotify.max_user_instances is {few}");
        let remedy = run("sysctl -w fs.inotify.max_user_instances=128");
        findings.push(Finding::warning(CHECK, seen, remedy));
    }
    findings
}

fn judge_loose(loose: &Loose) -> Finding {
    let path = loose.path.display();
    if loose.owner != 0 {
        let seen = format!("{path} belongs to user {}, not to root", loose.owner);
        return Finding::problem(CHECK, seen, run(format!("chown root: {path}")));
    }
    let seen = format!("{path} has mode {:04o}: others may read it", loose.mode);
    let mode = if loose.directory { "0700" } else { "0600" };
    Finding::problem(CHECK, seen, run(format!("chmod {mode} {path}")))
}

fn judge_disk(disk: &Disk) -> Finding {
    let path = disk.path.display();
    if disk.read_only {
        let seen = format!("{path} is on a file system that is read-only");
        let look = "`dmesg` says why it became so; repair it, then mount it writable";
        return Finding::problem(CHECK, seen, advice(look));
    }
    let seen = format!("{path} has {} MiB free of {}", disk.free / MIB, disk.total / MIB);
    let room = || advice(format!("make room: `du -xh {path} | sort -h | tail`, `df -h {path}`"));
    if disk.free < 16 * MIB || disk.files == Some(0) {
        let files = if disk.files == Some(0) { ", and can have no more files" } else { "" };
        return Finding::problem(CHECK, format!("{seen}{files}"), room());
    }
    if disk.free < 128 * MIB || disk.files.is_some_and(|files| files < 1000) {
        return Finding::warning(CHECK, seen, room());
    }
    Finding::ok(CHECK, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Ok, Problem, Warning};

    #[test]
    fn what_others_may_read_is_closed_by_its_own_command() {
        let loose = |owner, directory| Loose { path: "/s".into(), mode: 0o750, owner, directory };
        let remedy = |loose| judge_loose(&loose).remedy.into_iter().next();
        assert_eq!(remedy(loose(0, true)), Some(run("chmod 0700 /s")));
        assert_eq!(remedy(loose(0, false)), Some(run("chmod 0600 /s")));
        assert_eq!(remedy(loose(7, false)), Some(run("chown root: /s")));
    }

    #[test]
    fn a_disk_is_full_before_nothing_is_left() {
        let table = [
            (5000, Some(10_000), false, Ok),
            (5000, None, false, Ok),
            (100, Some(10_000), false, Warning),
            (5000, Some(10), false, Warning),
            (1, Some(10_000), false, Problem),
            (5000, Some(0), false, Problem),
            (5000, Some(10_000), true, Problem),
        ];
        for (free, files, read_only, expected) in table {
            let (free, total) = (free * MIB, 9000 * MIB);
            let disk = Disk { path: "/s".into(), free, total, files, read_only };
            assert_eq!(judge_disk(&disk).severity, expected, "{free} {files:?} {read_only}");
        }
    }
}
