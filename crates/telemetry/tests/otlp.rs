//! Spans reach a collector.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use wgcni_daemon::logging::Format;
use wgcni_telemetry::otlp;

/// The first request that comes, answered.
fn one_request(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut request = Vec::new();
    // The client waits for the answer: what comes until then is all.
    let _ = stream.read_to_end(&mut request);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_ours_are_sent_and_a_collector_that_hangs_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let spans = otlp::init(("error", Format::Text), "x", Some(&to)).unwrap();
    let got = tokio::task::spawn_blocking(move || (one_request(&listener), listener));
    tracing::debug_span!(target: "wgcni_x", "ours", ifname = "eth0").in_scope(|| {
        tracing::info_span!(target: "hyper", "theirs").in_scope(|| ());
        tracing::info!(target: "wgcni_x", "a line");
    });
    let (request, listener) =
        tokio::time::timeout(Duration::from_secs(20), got).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&request);
    assert!(text.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("ours") && text.contains("ifname") && text.contains("eth0"), "{text}");
    assert!(!text.contains("theirs") && !text.contains("a line"), "{text}");
    // Nobody answers from now on: connections wait in the backlog.
    let began = Instant::now();
    for _ in 0..100_000 {
        drop(tracing::debug_span!(target: "wgcni_x", "more"));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let began = Instant::now();
    drop(spans);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    drop(listener);
}
