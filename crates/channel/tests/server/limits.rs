//! What is slow, ends.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use wgcni_channel::server::{Caps, Rate};
use wgcni_channel::tls::client_config;

use crate::support::*;

/// Sends `bytes` one at a time, for ever and ever again the last; the other end must hang
/// up, and says something first or does not.
async fn trickle(io: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = split(io);
    let mut said = Vec::new();
    let endless = async {
        for n in 0.. {
            let byte = bytes[n.min(bytes.len() - 1)];
            if write.write_all(&[byte]).await.is_err() || write.flush().await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let hung_up = async {
        let _ = read.read_to_end(&mut said).await;
    };
    timeout(SOON, async { tokio::join!(endless, hung_up) }).await.expect("it ends soon");
    said
}

#[tokio::test]
async fn a_slow_handshake_ends_in_time() {
    let cluster = main_door(Caps { handshake: SHORT, ..Caps::main() }).await;
    let mut silent = TcpStream::connect(cluster.address).await.unwrap();
    let ended = timeout(SOON, silent.read(&mut [0])).await.expect("it ends soon");
    assert!(!matches!(ended, Ok(1)));
    // A record of a handshake that is as long as records get, in no hurry.
    let slow = TcpStream::connect(cluster.address).await.unwrap();
    trickle(slow, &[22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb, 3, 3, 0]).await;
}

#[tokio::test]
async fn slow_headers_end_in_time() {
    let cluster = main_door(Caps { headers: SHORT, ..Caps::main() }).await;
    let config = cluster.node(7).config(&cluster.trust());
    let mut silent = tls(cluster.address, config.clone()).await.unwrap();
    let _ = timeout(SOON, silent.read_to_end(&mut Vec::new())).await.expect("it ends soon");
    // The preface, settings, and headers whose end does not come.
    let slow = tls(cluster.address, config).await.unwrap();
    let frames =
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\x3f\xff\x01\0\0\0\0\x01\x82";
    trickle(slow, frames).await;
}

#[tokio::test]
async fn slow_headers_of_http_1_end_in_time() {
    let cluster = join_door(Caps { headers: SHORT, ..Caps::join() }).await;
    let mut config = client_config(&cluster.trust(), None).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let slow = tls(cluster.address, config).await.unwrap();
    let said = trickle(slow, b"GET / HTTP/1.1\r\nhost: x\r\nx: yyyyyyyyyyyyyyyyyyyyy").await;
    assert!(!said.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn a_slow_body_ends_in_time_and_the_connection_is_still_good() {
    let cluster = main_door(Caps { body: 4 * SHORT, ..Caps::main() }).await;
    let mut client = cluster.connect(&cluster.node(7)).await;
    let drip = futures::stream::repeat(Bytes::from_static(b"x")).then(async |drop| {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, std::convert::Infallible>(drop)
    });
    let post = |body| Request::post("https://cluster-manager/echo").body(body).unwrap();
    let answer = client.send(post(Body::from_stream(drip))).await;
    assert!(answer.is_err() || answer.unwrap().status().is_client_error());
    let answer = client.send(post(Body::from("in time"))).await.unwrap();
    assert_eq!(text(answer).await, "in time");
}

#[tokio::test]
async fn a_panic_in_a_handler_is_answered_and_the_server_lives() {
    let cluster = main_door(Caps::main()).await;
    let mut client = cluster.connect(&cluster.node(7)).await;
    for _ in 0..3 {
        assert_eq!(client.status("/panic").await, 500);
    }
    assert_eq!(client.status("/").await, 200);
}

#[tokio::test]
async fn a_member_that_asks_too_often_waits_and_the_others_do_not() {
    let requests = Rate { burst: 3, every: Duration::from_hours(1) };
    let cluster = main_door(Caps { requests, ..Caps::main() }).await;
    let eager = cluster.node(7);
    let mut client = cluster.connect(&eager).await;
    for expected in [200, 200, 200, 429, 429] {
        assert_eq!(client.status("/").await, expected);
    }
    // Another connection does not help.
    assert_eq!(cluster.connect(&eager).await.status("/").await, 429);
    assert_eq!(cluster.connect(&cluster.node(8)).await.status("/").await, 200);
}
