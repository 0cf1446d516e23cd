//! Looks for signs of life of network namespaces, everywhere on the host: processes in
//! them, then names (mounts), then open descriptors. What is found first saves the rest.
//!
//! In a namespace without any of them nobody runs, and nobody will. Something may still
//! hold it: a userspace device of ours does, whose descriptor in the tunnels process is of
//! `/dev/net/tun`, and so does a socket that was made in there. Neither is a container.
//!
//! Inode numbers are compared, as /proc shows them. The number of a dead namespace is
//! another's soon: what lives there is asked for the kernel's name of it, too. Where there is
//! none, that one's life is taken for this one's, which errs to life.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::libc;
use wgcni_dataplane::Namespace;
use wgcni_model::NamespaceId;

/// The first PID namespace of a host (`PROC_PID_INIT_INO`, `linux/proc_ns.h`).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// The host's first process. Some virtual machines close theirs to everybody; it is in no
/// container, and starts none by itself: what it started has processes of its own.
const INIT: u32 = 1;

/// Why a namespace is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A process, or a thread of it, is in there.
    Inhabited(Process),
    /// It has a name, in the mount namespace of a process.
    Named(PathBuf, Process),
    /// A process has it open.
    Open(Process),
}

/// A process, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// What it calls itself.
    pub name: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Any user chooses names of processes.
        write!(f, "process {} ({})", self.id, self.name.escape_debug())
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inhabited(process) => write!(f, "{process} is in its namespace"),
            Self::Named(path, process) => {
                write!(f, "its namespace is mounted at {}, as {process} sees it", path.display())
            }
            Self::Open(process) => write!(f, "{process} has its namespace open"),
        }
    }
}

/// A sign of life, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The sign.
    pub sign: Sign,
    /// What the kernel calls the namespace, where it tells.
    pub cookie: Option<u64>,
}

impl Life {
    /// Whether it may be this namespace's, and not that of one that has its number now.
    pub fn may_be_of(&self, namespace: NamespaceId) -> bool {
        namespace.may_be(NamespaceId { cookie: self.cookie, ..namespace })
    }
}

/// Signs of life, by inode number of the namespace.
pub type Signs = BTreeMap<u64, Life>;

/// Not all of the host can be seen, and what is not seen may live.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There are processes elsewhere.
    #[error("node-manager sees the processes of its own PID namespace only: run it in the host's")]
    OtherProcesses,
    /// Something is closed to us.
    #[error("read {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
}

/// Looks for signs of life of these namespaces.
///
/// # Errors
/// When something cannot be seen. What has ended meanwhile is no such thing.
pub fn look(wanted: &BTreeSet<u64>) -> Result<Signs, LookError> {
    if inode(Path::new("/proc/self/ns/pid"), "pid")? != Some(FIRST_PID_NAMESPACE) {
        return Err(LookError::OtherProcesses);
    }
    let mut search = Search { wanted, signs: Signs::new() };
    let mut processes = numbers(Path::new("/proc"))?;
    processes.retain(|id| *id != INIT || !is_closed(&directory(INIT)));
    let mounts = search.inhabitants(&processes)?;
    for threads in mounts.into_values() {
        search.names(threads)?;
    }
    for process in processes {
        search.descriptors(process)?;
    }
    Ok(search.signs)
}

/// Whether the kernel hides a process from root, too.
fn is_closed(process: &Path) -> bool {
    fs::read_link(process.join("ns/net"))
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// The threads in each mount namespace: their directories, and their processes.
type Mounts = BTreeMap<u64, Vec<(PathBuf, u32)>>;

struct Search<'a> {
    wanted: &'a BTreeSet<u64>,
    signs: Signs,
}

impl Search<'_> {
    fn is_done(&self) -> bool {
        self.signs.len() == self.wanted.len()
    }

    /// Notes the first sign of each; it leads to the namespace by this link.
    fn note(&mut self, inode: Option<u64>, link: &Path, sign: impl FnOnce() -> Sign) {
        let Some(inode) = inode.filter(|inode| self.wanted.contains(inode)) else { return };
        let cookie = || Namespace::open(link).ok()?.cookie();
        self.signs.entry(inode).or_insert_with(|| Life { sign: sign(), cookie: cookie() });
    }

    /// Notes where each thread is; the mount namespaces that it came across.
    fn inhabitants(&mut self, processes: &[u32]) -> Result<Mounts, LookError> {
        let mut mounts = Mounts::new();
        for id in processes {
            for thread in numbers(&directory(*id).join("task"))? {
                let place = directory(*id).join(format!("task/{thread}"));
                let link = place.join("ns/net");
                self.note(inode(&link, "net")?, &link, || Sign::Inhabited(process(*id)));
                if let Some(mount) = inode(&place.join("ns/mnt"), "mnt")? {
                    mounts.entry(mount).or_default().push((place, *id));
                }
            }
        }
        Ok(mounts)
    }

    /// Notes what has a name in the mount namespace of these threads.
    fn names(&mut self, threads: Vec<(PathBuf, u32)>) -> Result<(), LookError> {
        if self.is_done() {
            return Ok(());
        }
        for (thread, id) in threads {
            let path = thread.join("mountinfo");
            // Read from any thread that still runs; what is open stays whole.
            let Some(file) = present(&path, |path| File::open(path))? else { continue };
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(|error| LookError::Unreadable(path.clone(), error))?;
                let line = String::from_utf8_lossy(&line);
                // proc_pid_mountinfo(5): id, parent, device, root, mount point, …
                let mut fields = line.split(' ').skip(3);
                let (root, point) = (fields.next(), fields.next().unwrap_or_default());
                let inode = root.and_then(|root| number(root, "net"));
                // As that thread sees it.
                let there = thread.join("root").join(point.trim_start_matches('/'));
                self.note(inode, &there, || Sign::Named(point.into(), process(id)));
            }
            break;
        }
        Ok(())
    }

    /// Notes what a process has open; its threads share that.
    fn descriptors(&mut self, id: u32) -> Result<(), LookError> {
        if self.is_done() {
            return Ok(());
        }
        let place = directory(id).join("fd");
        for descriptor in numbers(&place)? {
            let link = place.join(descriptor.to_string());
            let inode = match present(&link, |link| fs::read_link(link))? {
                // Opened by a name, which may be gone by now: then this is "/".
                Some(target) if target.is_absolute() => file_number(&link),
                Some(target) => target.to_str().and_then(|target| number(target, "net")),
                None => None,
            };
            self.note(inode, &link, || Sign::Open(process(id)));
        }
        Ok(())
    }
}

fn directory(id: u32) -> PathBuf {
    Path::new("/proc").join(id.to_string())
}

fn process(id: u32) -> Process {
    let name = fs::read(directory(id).join("comm")).unwrap_or_default();
    Process { id, name: String::from_utf8_lossy(name.trim_ascii()).into_owned() }
}

/// The entries of a directory that are numbers; none when it has gone.
fn numbers(directory: &Path) -> Result<Vec<u32>, LookError> {
    let read = |path: &Path| {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(path)? {
            numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(numbers)
    };
    Ok(present(directory, read)?.unwrap_or_default())
}

/// The number of the namespace that a link names, where it is one of this kind.
fn inode(link: &Path, kind: &str) -> Result<Option<u64>, LookError> {
    let target = present(link, |link| fs::read_link(link))?;
    Ok(target.and_then(|target| number(target.to_str()?, kind)))
}

/// The inode number of what a link leads to; none of what is no namespace and does not tell.
/// Asks nobody who is far away: a file system whose server is dead would not answer.
#[allow(unsafe_code)]
fn file_number(link: &Path) -> Option<u64> {
    let path = CString::new(link.as_os_str().as_bytes()).ok()?;
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    let (far, mask) = (libc::AT_STATX_DONT_SYNC, libc::STATX_INO);
    // SAFETY: the path ends with NUL, and the kernel writes one statx where there is one;
    // all of its bytes may be zero.
    let done = unsafe { libc::statx(libc::AT_FDCWD, path.as_ptr(), far, mask, found.as_mut_ptr()) };
    // SAFETY: it was zeroed, and every pattern of bits is a statx.
    (done == 0).then(|| unsafe { found.assume_init() }.stx_ino)
}

/// `net:[4026532177]` → 4026532177.
fn number(name: &str, kind: &str) -> Option<u64> {
    name.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// Reads something of a process, unless the process has ended.
fn present<T>(
    path: &Path,
    read: impl FnOnce(&Path) -> io::Result<T>,
) -> Result<Option<T>, LookError> {
    match read(path) {
        Ok(read) => Ok(Some(read)),
        // The last: a process that just ends has no mounts any more.
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ESRCH | libc::EINVAL)) => {
            Ok(None)
        }
        Err(error) => Err(LookError::Unreadable(path.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::fd::AsRawFd;

    fn own() -> u64 {
        inode(Path::new("/proc/self/ns/net"), "net").unwrap().unwrap()
    }

    #[test]
    fn what_lives_is_found_and_what_is_nowhere_is_not() {
        let nowhere = 1;
        let signs = look(&BTreeSet::from([own(), nowhere])).unwrap();
        assert_eq!(signs.keys().copied().collect::<Vec<_>>(), [own()]);
        let life = &signs[&own()];
        assert!(matches!(life.sign, Sign::Inhabited(_)), "{life:?}");
        let namespace = Namespace::current().unwrap().identity().unwrap();
        assert!(life.may_be_of(namespace), "{life:?} {namespace:?}");
        let cookie = namespace.cookie.map(|cookie| cookie + 1);
        assert!(cookie.is_none() || !life.may_be_of(NamespaceId { cookie, ..namespace }));
    }

    #[test]
    fn an_open_file_is_known_by_its_number_whatever_it_is_called() {
        let file = File::open("/proc/self/ns/net").unwrap();
        let link = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        assert_eq!(file_number(&link), Some(own()));
        drop(file);
        assert_eq!(file_number(&link), None);
    }

    #[test]
    fn what_is_closed_to_us_is_no_proof_and_what_has_ended_is_nothing() {
        let closed = |_: &Path| Err::<(), _>(io::Error::from_raw_os_error(libc::EACCES));
        let error = present(Path::new("/proc/1/fd"), closed).unwrap_err();
        assert!(error.to_string().contains("/proc/1/fd"), "{error}");
        for ended in [libc::ENOENT, libc::ESRCH] {
            let ended = |_: &Path| Err::<(), _>(io::Error::from_raw_os_error(ended));
            assert!(present(Path::new("/proc/1"), ended).unwrap().is_none());
        }
    }

    #[test]
    fn links_to_other_things_are_no_namespaces() {
        assert_eq!(number("net:[4026532177]", "net"), Some(4_026_532_177));
        for other in ["mnt:[4026532177]", "net:[]", "net:[x]", "/net:[7]", "socket:[7]", ""] {
            assert_eq!(number(other, "net"), None, "{other}");
        }
    }
}
