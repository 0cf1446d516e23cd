//! Network namespaces.

use crate::error::{Doing, Error};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};
use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;
use wgcni_model::NamespaceId;

/// `NSFS_MAGIC` of `linux/magic.h`: the file system that namespace files live in.
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// An open network namespace. It lives at least as long as this.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// Opens a namespace by the path of its file.
    ///
    /// # Errors
    /// [`Error::NotNamespace`], or the path cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        // The path is foreign: opening a FIFO must not block.
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open(path).doing(|| format!("open namespace {}", path.display()))?;
        let nsfs = fstatfs(&file).is_ok_and(|fs| fs.filesystem_type() == NSFS_MAGIC);
        // Only asked of a file in nsfs: elsewhere the number could mean something else.
        if nsfs && kind(&file) == Some(libc::CLONE_NEWNET) {
            Ok(Self(file))
        } else {
            Err(Error::NotNamespace(path.to_owned()))
        }
    }

    /// Opens a namespace by who it is: behind the path where it was last, or where a
    /// process is in it. `None` when it is in neither place.
    pub fn find(id: NamespaceId, path: &Path) -> Option<Self> {
        let is_it = |namespace: &Self| namespace.identity().is_ok_and(|found| found.may_be(id));
        if let Some(found) = Self::open(path).ok().filter(is_it) {
            return Some(found);
        }
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut places = processes.map(|process| process.path().join("ns/net"));
        // Looked at before it is opened: few are the right one.
        places.find_map(|place| {
            let inode = fs::metadata(&place).ok()?.ino();
            (inode == id.inode).then(|| Self::open(&place).ok()).flatten().filter(is_it)
        })
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// `/proc` is missing.
    pub fn current() -> Result<Self, Error> {
        Self::open(Path::new("/proc/thread-self/ns/net"))
    }

    /// Who it is.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn identity(&self) -> Result<NamespaceId, Error> {
        let stat = fstat(&self.0).doing(|| "look at a namespace".to_owned())?;
        let cookie = self.cookie();
        Ok(NamespaceId { device: stat.st_dev, inode: stat.st_ino, cookie })
    }

    /// What the kernel calls it, and no other in this boot; `None` before Linux 5.14, and
    /// without the privilege to enter it.
    pub fn cookie(&self) -> Option<u64> {
        // A socket of any kind knows where it was made.
        self.run(|| cookie_of(&UnixDatagram::unbound().ok()?)).ok().flatten()
    }

    /// Runs `what` inside, on a thread of its own, which then ends: no thread is left in
    /// the wrong namespace whatever happens.
    ///
    /// # Errors
    /// The namespace cannot be entered (no privilege).
    pub fn run<T: Send>(&self, what: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let inside = || setns(&self.0, CloneFlags::CLONE_NEWNET).map(|()| what());
        thread::scope(|scope| {
            let thread = thread::Builder::new().spawn_scoped(scope, inside);
            let thread = thread.doing(|| "start a thread".to_owned())?;
            let done = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            done.doing(|| "enter a namespace".to_owned())
        })
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The `CLONE_…` flag of a namespace file (`ioctl_ns(2)`).
#[allow(unsafe_code)]
fn kind(file: &File) -> Option<i32> {
    // SAFETY: NS_GET_NSTYPE takes no argument and touches no memory; the file is open.
    let kind = unsafe { libc::ioctl(file.as_raw_fd(), NS_GET_NSTYPE) };
    (kind >= 0).then_some(kind)
}

/// The cookie of the namespace that a socket was made in (`SO_NETNS_COOKIE`).
#[allow(unsafe_code)]
fn cookie_of(socket: &UnixDatagram) -> Option<u64> {
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of_val(&cookie)).ok()?;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_NETNS_COOKIE);
    let place = (&raw mut cookie).cast();
    // SAFETY: the kernel writes at most `length` bytes, which is how long `cookie` is.
    let done =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, place, &raw mut length) };
    (done == 0).then_some(cookie)
}

/// `_IO(0xb7, 0x3)` of `linux/nsfs.h`.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
