//! Directories, their modes, the room in them, and what the system lets the daemons have.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::finding::{Finding, advice, run};
use super::machine::Machine;

const CHECK: &str = "storage";

/// The user as whom the package runs cluster-manager; nothing else is that user's.
const SERVICE: &str = "wgcni";

/// Files that nobody but the daemon may read.
const SECRET: [&str; 6] =
    ["mesh.key", "hub.key", "member/control.key", "member/member.json", "ca.key", "security.key"];

const MIB: u64 = 1 << 20;

pub(crate) struct Facts {
    loose: Vec<Loose>,
    foreign: Vec<Foreign>,
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
    directory: bool,
}

/// A path that is somebody else's than it should be.
pub(crate) struct Foreign {
    path: PathBuf,
    owner: u32,
    /// The state directory, where the path is below it; none: the path is that directory.
    below: Option<PathBuf>,
    /// Whether node-manager's, which has to be root.
    node: bool,
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
    let manager = machine.manager_state.clone();
    let roots = [machine.state_dir.clone(), manager];
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
    let service = nix::unistd::User::from_name(SERVICE).ok().flatten();
    let service = service.map(|user| user.uid.as_raw());
    let [node, manager] = [(&roots[0], None, true), (&roots[1], service, false)]
        .map(|(root, user, node)| foreign(root, user, node));
    Facts {
        loose: roots.iter().flat_map(|root| loose(root)).collect(),
        foreign: node.into_iter().chain(manager).collect(),
        disks: roots.iter().filter_map(|root| disk(root)).collect(),
        open_files: number("/proc/sys/fs/nr_open"),
        inotify: number("/proc/sys/fs/inotify/max_user_instances"),
    }
}

/// The state directory, and what is secret in it.
fn secret(root: &Path) -> impl Iterator<Item = (PathBuf, fs::Metadata)> {
    let files = SECRET.iter().map(|file| root.join(file));
    let paths = [root.to_owned(), root.join("member")].into_iter().chain(files);
    paths.filter_map(|path| Some((path.clone(), fs::symlink_metadata(path).ok()?)))
}

fn loose(root: &Path) -> Vec<Loose> {
    let look = |(path, metadata): (PathBuf, fs::Metadata)| {
        let mode = metadata.mode() & 0o7777;
        (mode & 0o077 != 0).then_some(Loose { path, mode, directory: metadata.is_dir() })
    };
    secret(root).filter_map(look).collect()
}

/// What belongs to another user than the directory, and the directory itself where that user is
/// neither root nor `service`.
fn foreign(root: &Path, service: Option<u32>, node: bool) -> Vec<Foreign> {
    let Ok(user) = fs::symlink_metadata(root).map(|metadata| metadata.uid()) else {
        return Vec::new();
    };
    let look = |(path, metadata): (PathBuf, fs::Metadata)| {
        let owner = metadata.uid();
        let below = (path != root).then(|| root.to_owned());
        let right = match below {
            Some(_) => owner == user,
            None => owner == 0 || service == Some(owner),
        };
        (!right).then_some(Foreign { path, owner, below, node })
    };
    let mut found: Vec<_> = secret(root).filter_map(look).collect();
    // Its files are to be root's all the same, and the one command does that.
    if node && found.first().is_some_and(|first| first.below.is_none()) {
        found.truncate(1);
    }
    found
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
    let mut findings: Vec<_> = facts.foreign.iter().map(judge_foreign).collect();
    findings.extend(facts.loose.iter().map(judge_loose));
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

fn judge_foreign(foreign: &Foreign) -> Finding {
    let (path, owner) = (foreign.path.display(), foreign.owner);
    if let Some(below) = &foreign.below {
        let below = below.display();
        let seen = format!("{path} belongs to user {owner}, and {below} to another");
        return Finding::problem(CHECK, seen, run(format!("chown --reference={below} {path}")));
    }
    if foreign.node {
        let seen = format!("{path} belongs to user {owner}, and node-manager is root's");
        return Finding::problem(CHECK, seen, run(format!("chown -R root: {path}")));
    }
    // A unit of one's own may run it as whom it likes: the daemon itself says what it cannot read.
    let seen =
        format!("{path} belongs to user {owner}: whoever is that has the keys of the cluster");
    let whose = format!(
        "let cluster-manager run as a user of its own and give that user the directory: with the \
         package `chown -R {SERVICE}: {path}`"
    );
    Finding::warning(CHECK, seen, advice(whose))
}

fn judge_loose(loose: &Loose) -> Finding {
    let path = loose.path.display();
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
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Remedy;
    use crate::doctor::finding::Severity::{Ok, Problem, Warning};

    #[test]
    fn what_others_may_read_is_closed_by_its_own_command() {
        let remedy = |directory| {
            let loose = Loose { path: "/s".into(), mode: 0o750, directory };
            judge_loose(&loose).remedy.into_iter().next()
        };
        assert_eq!(remedy(true), Some(run("chmod 0700 /s")));
        assert_eq!(remedy(false), Some(run("chmod 0600 /s")));
    }

    #[test]
    fn a_file_belongs_to_whom_its_directory_belongs_to() {
        let directory = tempfile::tempdir().unwrap();
        let (root, key) = (directory.path(), directory.path().join("ca.key"));
        fs::write(&key, "").unwrap();
        let give = |path: &Path, user| std::os::unix::fs::chown(path, Some(user), None).unwrap();
        let found = |service, node| -> Vec<_> {
            let found = foreign(root, service, node).iter().map(judge_foreign).collect::<Vec<_>>();
            found.into_iter().map(|finding| (finding.severity, finding.remedy.unwrap())).collect()
        };
        give(root, 0);
        give(&key, 0);
        assert_eq!(found(Some(7), false), []);
        // As a package has it.
        give(root, 7);
        give(&key, 7);
        assert_eq!(found(Some(7), false), []);
        give(&key, 0);
        let again = format!("chown --reference={} {}", root.display(), key.display());
        assert_eq!(found(Some(7), false), [(Problem, run(again))]);
        // Somebody's.
        give(&key, 7);
        let [(Warning, Remedy::Advice(whose))] = &found(None, false)[..] else { panic!() };
        assert!(whose.contains(&format!("chown -R wgcni: {}", root.display())), "{whose}");
        let root = format!("chown -R root: {}", root.display());
        assert_eq!(found(None, true), [(Problem, run(root))]);
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
