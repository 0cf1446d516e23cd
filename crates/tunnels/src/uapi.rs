//! The socket on which `wg` and others configure a device.
//!
//! <https://www.wireguard.com/xplatform/#configuration-protocol>. `gotatun` understands the
//! language; what it takes amiss is caught here.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gotatun::device::uapi::UapiClient;
use gotatun::device::uapi::command::{Request, Response, Set};
use gotatun::x25519::PublicKey;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::udp::Binding;
use crate::unix::Listener;

/// Longest request: some 50,000 peers.
const MAX_REQUEST: u64 = 16 << 20;

/// Connections at a time; more wait in the socket's queue.
const MAX_CONNECTIONS: usize = 64;

/// A connection that says nothing for so long, or does not listen, is closed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server of one device's socket; ends, socket file included, when dropped.
pub(crate) struct Uapi(JoinHandle<()>);

impl Uapi {
    /// Serves `path` on the runtime of the caller.
    ///
    /// # Errors
    /// `AddrInUse` when a living process serves it.
    pub(crate) fn start(
        path: &Path,
        client: UapiClient,
        binding: Arc<Binding>,
        greet: mpsc::Sender<PublicKey>,
    ) -> io::Result<Self> {
        let listener = Listener::bind(path)?;
        let device = Configurable { client, binding, greet, has_key: AtomicBool::new(false) };
        Ok(Self(tokio::spawn(serve(listener, Arc::new(device)))))
    }

    /// Stops serving; when this returns, the socket's file is gone.
    pub(crate) async fn stop(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Uapi {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(listener: Listener, device: Arc<Configurable>) {
    let mut connections = JoinSet::new();
    loop {
        // Neither accepting nor joining loses anything when dropped.
        tokio::select! {
            Some(_) = connections.join_next() => {}
            stream = listener.accept(), if connections.len() < MAX_CONNECTIONS => match stream {
                Ok(stream) => drop(connections.spawn(converse(stream, Arc::clone(&device)))),
                Err(error) => {
                    tracing::warn!(%error, "accept on the UAPI socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn converse(stream: UnixStream, device: Arc<Configurable>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Ok(Ok(Some(request))) = timeout(PATIENCE, next_request(&mut reader)).await {
        let answer = format!("{}\n", device.handle(&request).await);
        let written = timeout(PATIENCE, writer.write_all(answer.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
}

/// The lines up to an empty one, or to the end. Only ASCII: gotatun cuts keys at the
/// 56th byte, and panics where that is inside of a character.
pub(crate) async fn next_request(
    reader: impl AsyncRead + AsyncBufReadExt + Unpin,
) -> io::Result<Option<String>> {
    let mut reader = reader.take(MAX_REQUEST);
    let mut request = String::new();
    loop {
        let len = reader.read_line(&mut request).await?;
        let done = request.ends_with("\n\n") || request == "\n";
        if reader.limit() == 0 && !done {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if !request.is_ascii() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match request.as_str() {
            "" => return Ok(None),
            // An empty line between requests.
            "\n" => request.clear(),
            _ if done => {
                request.pop();
                return Ok(Some(request));
            }
            _ if len == 0 => return Ok(Some(request)),
            _ => {}
        }
    }
}

/// A device as its socket sees it.
struct Configurable {
    client: UapiClient,
    binding: Arc<Binding>,
    /// Peers to shake hands with now.
    greet: mpsc::Sender<PublicKey>,
    has_key: AtomicBool,
}

impl Configurable {
    async fn handle(&self, request: &str) -> String {
        let result = match request.parse() {
            Ok(Request::Get(get)) => self.client.send(get).await.map_err(|_| libc::ENODEV),
            Ok(Request::Set(set)) => self.set(set).await,
            Err(_) => Err(libc::EINVAL),
        };
        match result {
            Ok(response) => response.to_string(),
            Err(errno) => format!("errno={errno}\n"),
        }
    }

    async fn set(&self, set: Set) -> Result<Response, i32> {
        // Zeroes mean "no key", which gotatun does not know: it would take them for one.
        if set.private_key.as_ref().is_some_and(|key| key.0 == [0; 32]) {
            return Err(libc::EINVAL);
        }
        let brings_key = set.private_key.is_some();
        // A peer before a key makes gotatun panic.
        if !set.peers.is_empty() && !brings_key && !self.has_key.load(Ordering::Acquire) {
            return Err(libc::ENOKEY);
        }
        let kept_alive = kept_alive(&set);
        let response = self.client.send(set).await.map_err(|_| libc::ENODEV)?;
        if brings_key {
            self.has_key.store(true, Ordering::Release);
        }
        if self.binding.failed() {
            self.bind_again().await;
            return Err(libc::EADDRINUSE);
        }
        for peer in kept_alive {
            // When there are more than it holds, the others wait for their first interval.
            let _ = self.greet.try_send(peer);
        }
        Ok(response)
    }

    /// gotatun is without a socket and takes the port that it did not get for its own: back to
    /// the last one, so that a later attempt is a change again.
    async fn bind_again(&self) {
        for port in [self.binding.port(), 0] {
            let mut set = Set::default();
            set.listen_port = Some(port);
            let _ = self.client.send(set).await;
            if !self.binding.failed() {
                return;
            }
        }
    }
}

/// Peers that get a keepalive interval: the kernel's WireGuard sends them the first at once, so
/// that they know from where we speak; gotatun would only after the first interval.
pub(crate) fn kept_alive(set: &Set) -> Vec<PublicKey> {
    let peers = set.peers.iter().filter(|peer| {
        !peer.remove && peer.peer.persistent_keepalive_interval.is_some_and(|s| s > 0)
    });
    let keys = peers.map(|peer| PublicKey::from(peer.peer.public_key.0));
    keys.collect()
}
