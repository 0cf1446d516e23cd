//! Many connections, many streams.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wgcni_channel::server::{Caps, Rate};
use wgcni_channel::tls::client_config;

use crate::support::*;

/// So long for a handshake that what is closed was closed for another reason.
const PATIENT: Duration = Duration::from_mins(10);

/// How many of these connections the server has closed after `within`.
async fn closed(connections: &mut [TcpStream], within: Duration) -> usize {
    let reads = connections.iter_mut().map(async |tcp| {
        timeout(within, tcp.read(&mut [0])).await.is_ok_and(|read| !matches!(read, Ok(1)))
    });
    join_all(reads).await.into_iter().filter(|closed| *closed).count()
}

#[tokio::test]
async fn half_open_connections_from_one_address_keep_no_other_out() {
    let connects = Rate { burst: 100_000, every: Duration::from_millis(1) };
    let caps = Caps { handshakes: 64, handshakes_per_address: 16, connects, ..Caps::main() };
    let cluster = main_door(Caps { handshake: PATIENT, ..caps }).await;
    let attacker = [127, 0, 0, 2];
    let mut open = Vec::new();
    for _ in 0..500 {
        open.push(from(attacker, cluster.address).await.unwrap());
    }
    assert!(closed(&mut open, Duration::from_secs(2)).await >= 500 - 16);
    let config = cluster.node(7).config(&cluster.trust());
    let tcp = from([127, 0, 0, 3], cluster.address).await.unwrap();
    let mut client = Client::over(shake(tcp, config.clone()).await.unwrap()).await;
    assert_eq!(client.status("/").await, 200);
    // The attacker's address is full, and has its places back when it lets go.
    let refused = shake(from(attacker, cluster.address).await.unwrap(), config.clone()).await;
    assert!(refused.is_err());
    drop(open);
    let again = async {
        loop {
            let tcp = from(attacker, cluster.address).await.unwrap();
            if let Ok(stream) = shake(tcp, config.clone()).await {
                return stream;
            }
        }
    };
    timeout(SOON, again).await.expect("there is room again soon");
}

#[tokio::test]
async fn over_the_total_a_connection_is_dropped_before_any_tls() {
    let cluster = join_door(Caps { total: 2, handshake: PATIENT, ..Caps::join() }).await;
    let config = client_config(&cluster.trust(), None).unwrap();
    let mut one = cluster.connect_as(config.clone()).await.unwrap();
    let mut two = cluster.connect_as(config.clone()).await.unwrap();
    assert_eq!((one.status("/").await.as_u16(), two.status("/").await.as_u16()), (200, 200));
    let mut third = [TcpStream::connect(cluster.address).await.unwrap()];
    assert_eq!(closed(&mut third, SOON).await, 1);
    assert_eq!(one.status("/").await, 200);
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_dropped_and_others_are_not() {
    let connects = Rate { burst: 5, every: Duration::from_hours(1) };
    let cluster = main_door(Caps { connects, handshake: PATIENT, ..Caps::main() }).await;
    for _ in 0..5 {
        drop(from([127, 0, 0, 2], cluster.address).await.unwrap());
    }
    let mut sixth = [from([127, 0, 0, 2], cluster.address).await.unwrap()];
    assert_eq!(closed(&mut sixth, SOON).await, 1);
    assert_eq!(cluster.connect(&cluster.node(7)).await.status("/").await, 200);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A thousand requests for /wait in one go, whatever the server says about how many it
/// takes (RFC 9113; header fields by RFC 7541, appendix A).
fn thousand_streams() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    let fields = b"\x82\x87\x04\x05/wait\x01\x01x";
    for n in 0..1000 {
        bytes.extend(frame(1, 5, 2 * n + 1, fields));
    }
    bytes
}

#[tokio::test]
async fn a_thousand_streams_on_one_connection_are_limited_and_others_are_answered() {
    let cluster = main_door(Caps::main()).await;
    let config = cluster.node(7).config(&cluster.trust());
    let (mut read, mut write) = tokio::io::split(tls(cluster.address, config).await.unwrap());
    let flood = tokio::spawn(async move {
        // The server may hang up first.
        let _ = write.write_all(&thousand_streams()).await;
        let _ = write.flush().await;
        write
    });
    // What the server says to it: refused streams (RST_STREAM, 3), or that it has enough
    // (GOAWAY, 7).
    let reaction = async {
        let mut refused = 0;
        loop {
            let mut head = [0; 9];
            if read.read_exact(&mut head).await.is_err() {
                return refused;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            read.read_exact(&mut vec![0; length as usize]).await.unwrap();
            refused += usize::from(head[3] == 3);
            if refused >= 1000 - 32 || head[3] == 7 {
                return refused;
            }
        }
    };
    timeout(SOON, reaction).await.expect("the server reacts soon");
    let mut honest = cluster.connect(&cluster.node(8)).await;
    assert_eq!(honest.status("/").await, 200);
    let waiting = cluster.waiting.load(Ordering::SeqCst);
    assert!((1..=32).contains(&waiting), "{waiting} requests at a time");
    drop(flood.await.unwrap());
}
