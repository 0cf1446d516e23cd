//! Spans go to a collector, if there is one, and log lines say which attachment they are about.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use wgcni_lab::{Cluster, Host, wait};

const COLLECTOR: &str = "127.0.0.1:4318";
const CONFIG: &str = "otlp_endpoint = \"http://127.0.0.1:4318\"\n\
                      log = \"info,node_manager=debug\"\nlog_format = \"json\"";

/// Request line and body of every request that comes.
fn collect(host: &Host) -> Receiver<(String, Vec<u8>)> {
    let listener = host.netns().within(|| TcpListener::bind(COLLECTOR)).unwrap().unwrap();
    let (sender, requests) = channel();
    // It ends with the test's process; the host goes before.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || while take(&stream).is_some_and(|r| sender.send(r).is_ok()) {});
        }
    });
    requests
}

fn take(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines();
    let first = lines.next()?.ok()?;
    let mut length = 0;
    for line in lines.by_ref() {
        let line = line.ok()?.to_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    (&*stream).write_all(answer.as_bytes()).ok()?;
    Some((first, body))
}

#[test]
fn spans_of_an_attachment_reach_the_collector_and_nobody_waits_for_it() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node_with("ash", CONFIG).unwrap();
    // Nobody listens.
    let began = Instant::now();
    cluster.attach(&ash, "early").unwrap().detach().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let requests = collect(ash.host());
    let web = cluster.attach(&ash, "web").unwrap();
    let id = web.attachment().container_id.clone();
    let mut seen = Vec::new();
    let holds = |seen: &[u8], text: &str| seen.windows(text.len()).any(|w| w == text.as_bytes());
    wait::until("spans of the attachment", || {
        while let Ok((line, body)) = requests.try_recv() {
            assert_eq!(line, "POST /v1/traces HTTP/1.1");
            seen.extend(body);
        }
        holds(&seen, &id)
    })
    .unwrap();
    for text in ["attachment", "attach", "wgnet", "eth0", "pass", "node-manager"] {
        assert!(holds(&seen, text), "no {text} in {}", String::from_utf8_lossy(&seen));
    }
    assert!(holds(&seen, "AttachmentService/Attach"), "{}", String::from_utf8_lossy(&seen));
    assert!(!holds(&seen, &web.public_key().unwrap()), "a key is in the spans");
}

#[test]
fn lines_of_the_kernel_say_whose_attachment_they_are_about() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster
        .add_node_with("ash", "log = \"info,node_manager=debug\"\nlog_format = \"json\"")
        .unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let id = web.attachment().container_id.clone();
    let lines = || {
        let log = ash.log();
        let lines: Vec<serde_json::Value> =
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of = |line: &serde_json::Value, message: &str| {
            let spans = line["spans"].to_string();
            line["fields"]["message"] == message && spans.contains(&id) && spans.contains("wgnet")
        };
        ["attached", "applied"].map(|m| lines.iter().filter(|line| of(line, m)).count())
    };
    wait::until("lines with the container", || lines().iter().all(|count| *count > 0)).unwrap();
}

#[test]
fn rust_log_is_read_where_nothing_else_says_what_is_logged() {
    let log = |cluster: &Cluster| {
        std::fs::read_to_string(cluster.host().log_of("cluster-manager")).unwrap_or_default()
    };
    let cluster = Cluster::with(&[("RUST_LOG", "error")]).unwrap();
    assert_eq!(log(&cluster), "");
    let cluster = Cluster::with(&[("RUST_LOG", "error"), ("WGCNI_LOG", "info")]).unwrap();
    wait::until("the first line", || log(&cluster).contains("serving")).unwrap();
}
