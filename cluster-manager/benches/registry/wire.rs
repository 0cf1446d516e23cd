//! What one event of the stream costs on the wire: a bare connection, all bytes
//! counted.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Silence after which an event is over: far longer than a loopback needs for it, far
/// shorter than the heartbeat.
const QUIET: Duration = Duration::from_millis(300);

/// A stream of peers over HTTP/1.1 as the Connect protocol has it.
pub struct Wire(TcpStream);

impl Wire {
    /// Opens the stream, and reads the snapshot away.
    pub async fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST /wgcni.wireguard.v1.WireguardService/WatchPeers HTTP/1.1\r\nhost: x\r\n\
                    content-type: application/connect+proto\r\nconnect-protocol-version: 1\r\n\
                    content-length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // An envelope around an empty message: no flags, length 0.
        stream.write_all(&[0; 5]).await.unwrap();
        let mut wire = Self(stream);
        assert!(wire.bytes().await > 0);
        wire
    }

    /// Bytes that arrive until there is silence.
    pub async fn bytes(&mut self) -> usize {
        let mut buffer = vec![0; 1 << 16];
        let mut sum = 0;
        while let Ok(read) = timeout(QUIET, self.0.read(&mut buffer)).await {
            let read = read.unwrap();
            assert_ne!(read, 0, "the stream ended");
            sum += read;
        }
        sum
    }
}
