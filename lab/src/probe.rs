//! Small conversations between namespaces: who is seen, what gets through.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Netns;

/// How long something that must not get through is waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// How long something that must get through may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Connects by TCP to a listener made for it and tells whom the listener saw.
///
/// # Errors
/// When the connection does not come about.
pub fn source_seen(client: &Netns, server: &Netns, address: SocketAddr) -> Result<IpAddr> {
    source_seen_through(client, server, address, address)
}

/// The same where the client connects to another address than the server's, e.g. a
/// published port.
///
/// # Errors
/// When the connection does not come about.
pub fn source_seen_through(
    client: &Netns,
    server: &Netns,
    listen: SocketAddr,
    connect: SocketAddr,
) -> Result<IpAddr> {
    let listener = listen_tcp(server, listen)?;
    let _stream = dial(client, connect, ANSWER)?.with_context(|| format!("connect {connect}"))?;
    let (_server, from) = listener.accept()?;
    Ok(from.ip())
}

/// Asks an HTTP server for a page and returns the whole answer.
///
/// # Errors
/// When there is none.
pub fn get(client: &Netns, server: SocketAddr, page: &str) -> Result<String> {
    let mut stream = dial(client, server, ANSWER)?.with_context(|| format!("connect {server}"))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(format!("GET {page} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("read from {server}"))?;
    Ok(answer)
}

/// Listens by TCP in a namespace.
///
/// # Errors
/// When the address is not there or taken.
pub fn listen_tcp(server: &Netns, address: SocketAddr) -> Result<TcpListener> {
    let listener = server.within(|| TcpListener::bind(address))?;
    listener.with_context(|| format!("listen on {address} in {}", server.name()))
}

/// Whether a TCP connection comes about; if not, why.
///
/// # Errors
/// When the namespace is gone.
pub fn connects(client: &Netns, address: SocketAddr) -> Result<io::Result<()>> {
    Ok(dial(client, address, SILENCE)?.map(drop))
}

fn dial(client: &Netns, address: SocketAddr, patience: Duration) -> Result<io::Result<TcpStream>> {
    client.within(|| TcpStream::connect_timeout(&address, patience))
}

/// A UDP socket in a namespace that waits for messages for a bounded time.
///
/// # Errors
/// When the address is not there or taken.
pub fn listen_udp(server: &Netns, address: SocketAddr) -> Result<UdpSocket> {
    let socket = server.within(|| UdpSocket::bind(address))?;
    let socket = socket.with_context(|| format!("bind {address} in {}", server.name()))?;
    socket.set_read_timeout(Some(ANSWER))?;
    Ok(socket)
}

/// Sends one UDP message from a source address, true or not.
///
/// # Errors
/// When the namespace has no such address or no way to the destination.
pub fn send_udp(client: &Netns, source: IpAddr, to: SocketAddr, message: &[u8]) -> Result<()> {
    let socket = client.within(|| UdpSocket::bind((source, 0)))?;
    let socket = socket.with_context(|| format!("bind {source} in {}", client.name()))?;
    socket.send_to(message, to)?;
    Ok(())
}

/// The next UDP message and whom it came from.
///
/// # Errors
/// When none comes in time.
pub fn receive_udp(socket: &UdpSocket) -> Result<(Vec<u8>, IpAddr)> {
    let mut message = [0; 1500];
    let (length, from) = socket.recv_from(&mut message).context("no message came")?;
    Ok((message[..length].to_vec(), from.ip()))
}
