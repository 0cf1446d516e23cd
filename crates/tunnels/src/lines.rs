//! Lines from a unix socket, and the descriptors that came with them (`unix(7)`, `SCM_RIGHTS`).

use std::io::{self, IoSliceMut};
use std::mem::{MaybeUninit, take};
use std::os::fd::OwnedFd;

use rustix::cmsg_space;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

/// Longest line, in bytes, newline included.
const MAX_LINE: usize = 64 << 10;

/// Bytes per read.
const CHUNK: usize = 4 << 10;

/// Descriptors per read: one more than anybody needs. The kernel closes what is beyond.
const DESCRIPTORS: usize = cmsg_space!(ScmRights(2));

/// What a client sends.
pub(crate) struct Lines {
    socket: OwnedReadHalf,
    text: Vec<u8>,
    descriptors: Descriptors,
}

/// One request.
pub(crate) struct Line {
    /// Without a newline at its end, it is too long or the connection's last words.
    pub(crate) text: Vec<u8>,
    pub(crate) descriptors: Descriptors,
}

/// The descriptors of a line. A read ends where some came, so they are those of the line that
/// is complete next, if the client waits for the answers to what it sent before.
#[derive(Default)]
pub(crate) enum Descriptors {
    #[default]
    None,
    One(OwnedFd),
    /// Closed already.
    TooMany,
}

impl Lines {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, text: Vec::new(), descriptors: Descriptors::None }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let rest = self.text.split_off(end + 1);
                return Ok(Some(self.line(rest)));
            }
            if self.text.len() == MAX_LINE || !self.receive().await? {
                let last = self.line(Vec::new());
                return Ok((!last.text.is_empty()).then_some(last));
            }
        }
    }

    fn line(&mut self, rest: Vec<u8>) -> Line {
        let text = std::mem::replace(&mut self.text, rest);
        Line { text, descriptors: take(&mut self.descriptors) }
    }

    /// One read; false at the end.
    async fn receive(&mut self) -> io::Result<bool> {
        let socket: &UnixStream = self.socket.as_ref();
        let mut chunk = vec![0; CHUNK.min(MAX_LINE - self.text.len())];
        let descriptors = &mut self.descriptors;
        let receive = || receive(socket, &mut chunk, descriptors);
        let len = socket.async_io(Interest::READABLE, receive).await?;
        self.text.extend_from_slice(&chunk[..len]);
        Ok(len > 0)
    }
}

fn receive(
    socket: &UnixStream,
    chunk: &mut [u8],
    descriptors: &mut Descriptors,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); DESCRIPTORS];
    // What is left in there closes when this returns.
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut pieces = [IoSliceMut::new(chunk)];
    let received = recvmsg(socket, &mut pieces, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            rights.for_each(|descriptor| descriptors.add(descriptor));
        }
    }
    // More were sent than there is space for, here or in the table of this process.
    if received.flags.contains(ReturnFlags::CTRUNC) {
        *descriptors = Descriptors::TooMany;
    }
    Ok(received.bytes)
}

impl Descriptors {
    fn add(&mut self, descriptor: OwnedFd) {
        *self = match self {
            Self::None => Self::One(descriptor),
            Self::One(_) | Self::TooMany => Self::TooMany,
        };
    }
}
