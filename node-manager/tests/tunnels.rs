//! The process of userspace devices: dies, stops, is of another version.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use common::{Host, key, request, until};
use nix::sys::signal::{Signal, kill};

#[test]
fn tunnels_that_died_are_started_again_and_the_hub_is_rebuilt() {
    let mut host = Host::new();
    host.start(&[]);
    host.attach(&request("a", 1)).unwrap();
    let before = host.tunnels().unwrap();
    kill(before, Signal::SIGKILL).unwrap();
    until("there is another", || host.tunnels().is_some_and(|now| now != before));
    until("the hub has its peer again", || host.check(&key("a")).is_ok());
    until("the mesh is back", || host.run("ip -br link").contains("wgmesh0"));
}

#[test]
fn tunnels_that_are_stopped_hold_nobody_up() {
    let mut host = Host::new();
    host.start(&[]);
    host.attach(&request("a", 1)).unwrap();
    kill(host.tunnels().unwrap(), Signal::SIGSTOP).unwrap();
    let (told, start) = ("the tunnels process does not answer", Instant::now());
    let error = host.attach(&request("b", 2)).unwrap_err();
    assert!(error.message.as_ref().unwrap().contains(told), "{error:?}");
    assert!(host.check(&key("a")).is_err());
    assert!(host.status().unwrap().reasons.iter().any(|reason| reason.contains(told)));
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    kill(host.tunnels().unwrap(), Signal::SIGCONT).unwrap();
    let told = |reason: &String| reason.contains(told);
    until("all is well again", || !host.status().unwrap().reasons.iter().any(told));
    host.attach(&request("b", 2)).unwrap();
    assert!(host.check(&key("a")).is_ok() && host.check(&key("b")).is_ok());
}

/// A tunnels process that says of itself that it is of another version.
fn tunnels_of_version(host: &Host, answer: &'static str) {
    let mut real = host.command(common::BINARY, &["tunnels", "--run-dir", "/run/wgcni/real"]);
    let mut real = real.spawn().unwrap();
    let path = host.path("/run/wgcni/real/tunnels.sock");
    until("tunnels listen", || path.exists());
    std::thread::spawn(move || real.wait());
    let listener = UnixListener::bind(host.path("/run/wgcni/tunnels.sock")).unwrap();
    let converse = move |mut client: UnixStream| {
        let mut line = String::new();
        let asked = BufReader::new(client.try_clone().unwrap()).read_line(&mut line);
        if line.contains("version") {
            client.write_all(answer.as_bytes()).unwrap();
        } else if asked.is_ok_and(|length| length > 0) {
            let mut real = UnixStream::connect(&path).unwrap();
            real.write_all(line.as_bytes()).unwrap();
            let mut said = String::new();
            BufReader::new(real).read_line(&mut said).unwrap();
            client.write_all(said.as_bytes()).unwrap();
        }
    };
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let converse = converse.clone();
            std::thread::spawn(move || converse(client.unwrap()));
        }
    });
}

#[test]
fn tunnels_of_another_version_are_told_and_used() {
    for (answer, version) in [
        ("{\"ok\":{\"version\":99}}\n", "protocol 99,"),
        ("{\"error\":{\"errno\":22,\"message\":\"unknown variant\"}}\n", "protocol 0,"),
    ] {
        let mut host = Host::new();
        tunnels_of_version(&host, answer);
        host.start(&[]);
        let reasons = host.status().unwrap().reasons;
        assert!(reasons.iter().any(|reason| reason.contains(version)), "{reasons:?}");
        host.attach(&request("a", 1)).unwrap();
        assert!(host.check(&key("a")).is_ok());
    }
}
