//! A TUN link with offloads: opened by name once, used by descriptor ever after.

mod receive;
mod send;

use std::future::pending;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use crate::name::Name;

pub(crate) use receive::TunReceiver;
pub(crate) use send::TunSender;

nix::ioctl_write_ptr_bad!(tunsetiff, request_code::TUNSETIFF, libc::ifreq);
nix::ioctl_write_int_bad!(tunsetoffload, request_code::TUNSETOFFLOAD);
nix::ioctl_read_bad!(tungetiff, request_code::TUNGETIFF, libc::ifreq);

/// `linux/if_tun.h`
mod request_code {
    pub(super) const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
    pub(super) const TUNSETOFFLOAD: libc::c_ulong = 0x4004_54d0;
    pub(super) const TUNGETIFF: libc::c_ulong = 0x8004_54d2;
}

/// `IFF_TUN_EXCL`, 0x8000: never attach to a link that is there already.
const EXCLUSIVE: libc::c_short = libc::c_short::MIN;

/// A new link, in nobody's event loop yet.
pub(crate) struct Opened(OwnedFd);

/// A link in the event loop. When the last user is done, the descriptor goes to whoever waits
/// for it: closing it deletes the link, and that takes the kernel tens of milliseconds.
pub(crate) struct Tun {
    fd: Option<AsyncFd<OwnedFd>>,
    closer: Option<oneshot::Sender<OwnedFd>>,
}

impl Opened {
    /// Makes a link of this name, down, in the network namespace of the calling thread. It lives
    /// as long as the descriptor.
    ///
    /// # Errors
    /// `EBUSY` when there is a link of that name.
    pub(crate) fn new(name: &Name) -> io::Result<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let fd = open("/dev/net/tun", flags, Mode::empty())?;
        let mut request = blank_request();
        for (to, from) in request.ifr_name.iter_mut().zip(name.as_str().bytes()) {
            *to = from.cast_signed();
        }
        let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        let flags = libc::c_short::try_from(flags).map_err(io::Error::other)?;
        request.ifr_ifru.ifru_flags = flags | EXCLUSIVE;
        attach(&fd, &request)?;
        offload(&fd)?;
        Ok(Self(fd))
    }

    /// Enters the event loop of the calling thread. The second value is the descriptor, once
    /// nobody uses the link any more.
    pub(crate) fn register(self) -> io::Result<(Tun, oneshot::Receiver<OwnedFd>)> {
        let fd = Some(register(self.0)?);
        let (closer, unused) = oneshot::channel();
        let closer = Some(closer);
        Ok((Tun { fd, closer }, unused))
    }
}

impl Tun {
    /// One packet or super-packet, its header first. Waits while there is none, and for good once
    /// the link is gone: that is [`Tun::gone`]'s to tell.
    async fn read(&self, buffer: &mut [u8]) -> usize {
        loop {
            let Some(fd) = &self.fd else {
                return pending().await;
            };
            let read = |fd: &OwnedFd| Ok(nix::unistd::read(fd, buffer)?);
            match fd.async_io(Interest::READABLE, read).await {
                Ok(len) => return len,
                Err(e) if e.raw_os_error() == Some(libc::EBADFD) => return pending().await,
                Err(error) => tracing::debug!(%error, "read from tun"),
            }
        }
    }

    /// Writes one packet, or loses it: a link that is down or full drops, like any other.
    fn write(&self, pieces: &[IoSlice<'_>]) {
        let Some(fd) = &self.fd else { return };
        if let Err(error) = nix::sys::uio::writev(fd.get_ref(), pieces) {
            tracing::trace!(%error, "write to tun");
        }
    }

    /// Completes when the link is deleted, in whatever network namespace it is.
    pub(crate) async fn gone(&self) {
        let Some(fd) = &self.fd else { return };
        loop {
            let Ok(mut ready) = fd.ready(Interest::ERROR).await else {
                return;
            };
            if !is_attached(fd.get_ref()) {
                return;
            }
            ready.clear_ready();
        }
    }
}

impl Drop for Tun {
    fn drop(&mut self) {
        let fd = self.fd.take().map(AsyncFd::into_inner);
        if let (Some(fd), Some(closer)) = (fd, self.closer.take()) {
            // When nobody waits any more, the descriptor closes here.
            let _ = closer.send(fd);
        }
    }
}

#[allow(unsafe_code)]
fn blank_request() -> libc::ifreq {
    // SAFETY: all of this C struct is integers and arrays of them; zero is valid.
    unsafe { std::mem::zeroed() }
}

#[allow(unsafe_code)]
fn attach(fd: &OwnedFd, request: &libc::ifreq) -> io::Result<()> {
    // SAFETY: the descriptor is open and the kernel only reads an ifreq, name NUL-terminated.
    unsafe { tunsetiff(fd.as_raw_fd(), request) }?;
    Ok(())
}

/// Lets the kernel hand over super-packets; UDP's since Linux 6.2.
#[allow(unsafe_code)]
fn offload(fd: &OwnedFd) -> io::Result<()> {
    let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
    let all = tcp | libc::TUN_F_USO4 | libc::TUN_F_USO6;
    let set = |features: libc::c_uint| {
        // SAFETY: the descriptor is open and the argument is a plain number.
        unsafe { tunsetoffload(fd.as_raw_fd(), features.cast_signed()) }
    };
    set(all).or_else(|_| set(tcp))?;
    Ok(())
}

#[allow(unsafe_code)]
fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    let interest = Interest::READABLE | Interest::ERROR;
    // SAFETY: an OwnedFd is open and the same for as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}

#[allow(unsafe_code)]
fn is_attached(fd: &OwnedFd) -> bool {
    let mut request = blank_request();
    // SAFETY: the descriptor is open and the kernel writes no more than an ifreq.
    unsafe { tungetiff(fd.as_raw_fd(), &raw mut request) }.is_ok()
}
