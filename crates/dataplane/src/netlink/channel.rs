//! One netlink socket: requests, pipelined batches, dumps.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkDeserializable,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often an interrupted dump is begun again; each time, something has changed meanwhile.
const DUMPS: usize = 20;

/// Requests in flight: their acknowledgements fit into a socket's default buffer.
const WINDOW: usize = 64;

/// The kernel's largest datagram in a dump.
const DATAGRAM: usize = 32 * 1024;

/// A message and its flags, `REQUEST` and `ACK` aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request<I> {
    pub(crate) message: I,
    pub(crate) flags: u16,
}

/// A connected netlink socket.
#[derive(Debug)]
pub(crate) struct Channel(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One message as received.
struct Reply<'a> {
    header: NetlinkHeader,
    bytes: &'a [u8],
}

impl Channel {
    /// Opens a socket in the namespace of the calling thread.
    pub(crate) fn open(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Without it the kernel ignores the filters of a dump and sends everything.
        socket.set_netlink_get_strict_chk(true)?;
        socket.set_cap_ack(true)?;
        Ok(Self(Mutex::new(Inner { socket, sequence: 0, buffer: Vec::with_capacity(DATAGRAM) })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in between leaves unread replies at most; those are known by their number.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends requests and returns the kernel's answer to each, in order.
    pub(crate) fn batch<I>(&self, requests: &[Request<I>]) -> io::Result<Vec<io::Result<()>>>
    where
        I: NetlinkSerializable + Clone,
    {
        let mut inner = self.lock();
        let mut results = Vec::with_capacity(requests.len());
        for window in requests.chunks(WINDOW) {
            inner.window(window, &mut results)?;
        }
        Ok(results)
    }

    /// Sends one request and returns what the kernel tells about it.
    pub(crate) fn get<I>(&self, message: I) -> io::Result<Vec<I>>
    where
        I: NetlinkSerializable + NetlinkDeserializable,
    {
        let mut inner = self.lock();
        let sequence = inner.send_one(message, NLM_F_ACK)?;
        inner.collect(sequence).map(|(items, _)| items)
    }

    /// Everything that a request matches. What cannot be decoded is not ours and left out.
    pub(crate) fn dump<I>(&self, message: &I) -> io::Result<Vec<I>>
    where
        I: NetlinkSerializable + NetlinkDeserializable + Clone,
    {
        let mut inner = self.lock();
        for _ in 0..DUMPS {
            let sequence = inner.send_one(message.clone(), NLM_F_DUMP)?;
            let (items, interrupted) = inner.collect(sequence)?;
            if !interrupted {
                return Ok(items);
            }
        }
        Err(io::Error::from_raw_os_error(libc::EINTR))
    }

    /// Shows all messages that a request matches, one by one: there may be more than anybody
    /// should hold at once.
    pub(crate) fn visit<I>(&self, message: &I, mut visit: impl FnMut(&[u8])) -> io::Result<()>
    where
        I: NetlinkSerializable + Clone,
    {
        let mut inner = self.lock();
        let sequence = inner.send_one(message.clone(), NLM_F_DUMP)?;
        let mut end = None;
        while end.is_none() {
            inner.receive(|reply| {
                if reply.header.sequence_number == sequence {
                    match reply.outcome() {
                        Some(outcome) => end = Some(outcome),
                        None => visit(reply.bytes),
                    }
                }
            })?;
        }
        end.unwrap_or(Ok(()))
    }
}

impl Inner {
    fn serialize<I: NetlinkSerializable>(&mut self, message: I, flags: u16, out: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        // Messages in one datagram start at multiples of four.
        let start = out.len().next_multiple_of(4);
        out.resize(start + message.buffer_len(), 0);
        message.serialize(&mut out[start..]);
    }

    fn send_one<I: NetlinkSerializable>(&mut self, message: I, flags: u16) -> io::Result<u32> {
        let mut out = Vec::new();
        self.serialize(message, flags, &mut out);
        self.socket.send(&out, 0)?;
        Ok(self.sequence)
    }

    fn window<I>(
        &mut self,
        requests: &[Request<I>],
        results: &mut Vec<io::Result<()>>,
    ) -> io::Result<()>
    where
        I: NetlinkSerializable + Clone,
    {
        let mut out = Vec::new();
        let first = self.sequence.wrapping_add(1);
        for request in requests {
            self.serialize(request.message.clone(), request.flags | NLM_F_ACK, &mut out);
        }
        self.socket.send(&out, 0)?;
        let mut answered = 0;
        while answered < requests.len() {
            self.receive(|reply| {
                let expected = first.wrapping_add(u32::try_from(answered).unwrap_or(u32::MAX));
                if reply.header.sequence_number == expected
                    && let Some(outcome) = reply.outcome()
                {
                    results.push(outcome);
                    answered += 1;
                }
            })?;
        }
        Ok(())
    }

    /// Reads until the answer to `sequence` is complete; also tells whether it is torn.
    fn collect<I: NetlinkDeserializable>(&mut self, sequence: u32) -> io::Result<(Vec<I>, bool)> {
        let (mut items, mut interrupted, mut end) = (Vec::new(), false, None);
        while end.is_none() {
            self.receive(|reply| {
                if reply.header.sequence_number != sequence {
                    return;
                }
                interrupted |= reply.header.flags & NLM_F_DUMP_INTR != 0;
                match reply.outcome() {
                    Some(outcome) => end = Some(outcome),
                    None => items.extend(reply.item()),
                }
            })?;
        }
        end.unwrap_or(Ok(())).map(|()| (items, interrupted))
    }

    /// Reads one datagram and visits its messages.
    fn receive(&mut self, mut visit: impl FnMut(&Reply<'_>)) -> io::Result<()> {
        self.buffer.clear();
        let length = self.socket.recv(&mut self.buffer, libc::MSG_TRUNC)?;
        if length > self.buffer.len() {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        for_each(&self.buffer, |header, bytes| visit(&Reply { header, bytes }));
        Ok(())
    }
}

/// Visits the messages of a datagram.
pub(super) fn for_each(mut datagram: &[u8], mut visit: impl FnMut(NetlinkHeader, &[u8])) {
    while let Ok(buffer) = NetlinkBuffer::new_checked(&datagram) {
        let length = buffer.length() as usize;
        let mut header = NetlinkHeader::default();
        header.length = buffer.length();
        header.message_type = buffer.message_type();
        header.flags = buffer.flags();
        header.sequence_number = buffer.sequence_number();
        visit(header, &datagram[..length]);
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

impl Reply<'_> {
    /// The end of an answer: an acknowledgement, an error, the end of a dump.
    fn outcome(&self) -> Option<io::Result<()>> {
        if !matches!(self.header.message_type, NLMSG_ERROR | NLMSG_DONE) {
            return None;
        }
        // Both begin with a negative errno, or 0.
        let code = self.bytes.get(16..20).and_then(|c| c.try_into().ok());
        Some(match code.map_or(0, i32::from_ne_bytes) {
            code if code < 0 => Err(io::Error::from_raw_os_error(-code)),
            _ => Ok(()),
        })
    }

    fn item<I: NetlinkDeserializable>(&self) -> Option<I> {
        match NetlinkMessage::deserialize(self.bytes) {
            Ok(NetlinkMessage { payload: NetlinkPayload::InnerMessage(item), .. }) => Some(item),
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(%error, "a netlink message was left out");
                None
            }
        }
    }
}
