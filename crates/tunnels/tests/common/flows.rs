//! Traffic whose content is checked to the last byte.

#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use super::Place;

const PATIENCE: Option<Duration> = Some(Duration::from_mins(1));
const RETRY: Option<Duration> = Some(Duration::from_millis(100));

/// Bytes that do not repeat within any segment: what is lost, doubled or swapped shows.
struct Pattern(u64);

impl Pattern {
    fn fill(&mut self, buffer: &mut [u8]) {
        for bytes in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bytes.copy_from_slice(&(self.0 ^ (self.0 >> 29)).to_le_bytes()[..bytes.len()]);
        }
    }
}

/// Sends `len` bytes over TCP, in writes of odd sizes, and checks each at the other end.
pub fn tcp(from: &impl Place, to: &impl Place, address: &str, port: u16, len: usize) {
    let (tell, listening) = mpsc::channel();
    let listen = (address.to_owned(), port);
    let connect = listen.clone();
    let receiver = to.run(move || {
        let listener = TcpListener::bind(listen).unwrap();
        tell.send(()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(PATIENCE).unwrap();
        check(&mut stream, len);
        stream.write_all(b"!").unwrap();
    });
    listening.recv().unwrap();
    let sender = from.run(move || {
        let mut stream = TcpStream::connect(connect).unwrap();
        stream.set_write_timeout(PATIENCE).unwrap();
        let (mut pattern, mut block) = (Pattern(1), vec![0; BLOCK]);
        for _ in 0..len / BLOCK {
            pattern.fill(&mut block);
            for part in block.chunks(65_521) {
                stream.write_all(part).unwrap();
            }
        }
        let mut done = [0];
        stream.set_read_timeout(PATIENCE).unwrap();
        stream.read_exact(&mut done).unwrap();
    });
    sender.join().unwrap();
    receiver.join().unwrap();
}

const BLOCK: usize = 1 << 20;

fn check(stream: &mut TcpStream, len: usize) {
    let (mut pattern, mut expected, mut got) = (Pattern(1), vec![0; BLOCK], vec![0; BLOCK]);
    for block in 0..len / BLOCK {
        pattern.fill(&mut expected);
        stream.read_exact(&mut got).unwrap();
        assert!(expected == got, "block {block} arrived changed");
    }
}

/// Sends datagrams of these sizes, each answered, and compares. What is lost is sent again: a
/// full queue may drop, but nothing may change.
pub fn udp(from: &impl Place, to: &impl Place, address: &str, port: u16, sizes: Vec<usize>) {
    let (tell, listening) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let target = (address.to_owned(), port);
    let bind = target.clone();
    let echo = to.run(move || {
        let socket = UdpSocket::bind(bind).unwrap();
        socket.set_read_timeout(RETRY).unwrap();
        tell.send(()).unwrap();
        let mut buffer = vec![0; 65_536];
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            if let Ok((len, peer)) = socket.recv_from(&mut buffer) {
                socket.send_to(&buffer[..len], peer).unwrap();
            }
        }
    });
    listening.recv().unwrap();
    let sender = from.run(move || {
        let socket = UdpSocket::bind(any(&target.0)).unwrap();
        socket.connect(target).unwrap();
        socket.set_read_timeout(RETRY).unwrap();
        let (mut pattern, mut before) = (Pattern(7), Vec::new());
        for size in sizes {
            let mut sent = vec![0; size];
            pattern.fill(&mut sent);
            exchange(&socket, &sent, &before);
            before = sent;
        }
    });
    sender.join().unwrap();
    drop(stop);
    echo.join().unwrap();
}

/// Sends until the answer comes; late answers to what was sent `before` are none.
fn exchange(socket: &UdpSocket, sent: &[u8], before: &[u8]) {
    let mut got = vec![0; 65_536];
    for _ in 0..300 {
        socket.send(sent).unwrap();
        while let Ok(len) = socket.recv(&mut got) {
            if got[..len] == *sent {
                return;
            }
            let (is, was) = (len, sent.len());
            assert!(got[..len] == *before, "{was} bytes arrived changed, as {is}");
        }
    }
    panic!("a datagram of {} bytes never arrives", sent.len());
}

fn any(family_of: &str) -> (&'static str, u16) {
    if family_of.contains(':') { ("::", 0) } else { ("0.0.0.0", 0) }
}

/// Sends one burst that the kernel hands over as one super-packet; its datagrams' sizes.
pub fn udp_burst(
    from: &impl Place,
    to: &impl Place,
    address: &str,
    port: u16,
    size: i32,
    len: usize,
) {
    use nix::sys::socket::{setsockopt, sockopt};
    let (tell, listening) = mpsc::channel();
    let target = (address.to_owned(), port);
    let bind = target.clone();
    let mut sent = vec![0; len];
    Pattern(3).fill(&mut sent);
    let expected = sent.clone();
    let receiver = to.run(move || {
        let socket = UdpSocket::bind(bind).unwrap();
        socket.set_read_timeout(PATIENCE).unwrap();
        tell.send(()).unwrap();
        let mut buffer = vec![0; 65_536];
        for part in expected.chunks(usize::try_from(size).unwrap()) {
            let len = socket.recv(&mut buffer).unwrap();
            assert!(buffer[..len] == *part, "{len} bytes instead of {}", part.len());
        }
    });
    listening.recv().unwrap();
    let sender = from.run(move || {
        let any = if target.0.contains(':') { "::" } else { "0.0.0.0" };
        let socket = UdpSocket::bind((any, 0)).unwrap();
        setsockopt(&socket, sockopt::UdpGsoSegment, &size).unwrap();
        socket.send_to(&sent, target).unwrap();
    });
    sender.join().unwrap();
    receiver.join().unwrap();
}
