//! What the control socket and the UAPI sockets answer, whatever they are asked.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use common::{Client, Host, Place, eventually, pair};

const OK: &str = r#"{"ok":{}}"#;

fn errno(answer: &str) -> i64 {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    answer["error"]["errno"].as_i64().unwrap()
}

#[test]
fn devices_are_created_listed_and_deleted() {
    let host = Host::start();
    assert_eq!(host.devices(), r#"{"ok":{"devices":[]}}"#);
    host.create("wgb");
    host.create("wga");
    assert_eq!(host.devices(), r#"{"ok":{"devices":["wga","wgb"]}}"#);
    assert!(host.has_link("wga") && host.has_uapi("wga"));
    assert!(host.command("ip link show wga").contains("state DOWN"));
    assert_eq!(errno(&host.ask(r#"{"create":{"name":"wga"}}"#)), 17);
    assert_eq!(host.delete("wga"), OK);
    assert!(!host.has_uapi("wga"));
    eventually("the link goes", || !host.has_link("wga"));
    assert_eq!(errno(&host.delete("wga")), 19);
    host.create("wga");
    assert_eq!(host.devices(), r#"{"ok":{"devices":["wga","wgb"]}}"#);
}

#[test]
fn another_ones_link_or_socket_is_never_taken() {
    let host = Host::start();
    host.command("ip link add veth0 type veth peer name veth1");
    assert_eq!(errno(&host.ask(r#"{"create":{"name":"veth0"}}"#)), 17);
    let living = UnixListener::bind(host.path("/run/wireguard/wgx.sock"));
    let living = living.or_else(|_| {
        std::fs::create_dir(host.path("/run/wireguard"))?;
        UnixListener::bind(host.path("/run/wireguard/wgx.sock"))
    });
    let living = living.unwrap();
    assert_eq!(errno(&host.ask(r#"{"create":{"name":"wgx"}}"#)), 17);
    assert!(!host.has_link("wgx"));
    drop(living);
    host.create("wgx");
    host.command("wg show wgx");
}

#[test]
fn sockets_are_the_owners_alone() {
    let host = Host::start();
    host.create("wg0");
    let mode = |path: &str| host.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("/run/wgcni/tunnels.sock"), 0o600);
    assert_eq!(mode("/run/wgcni"), 0o700);
    assert_eq!(mode("/run/wireguard/wg0.sock"), 0o600);
    assert_eq!(mode("/run/wireguard"), 0o700);
}

#[test]
fn hostile_lines_are_answered_and_harm_nobody() {
    let host = Host::start();
    let mut silent = host.connect();
    silent.send(b"{\"list\":");
    let mut client = host.connect();
    for line in ["", "x", "{}", "[[[[", "{\"create\":{\"name\":\"a/b\"}}", "\u{1}\u{2}"] {
        assert_eq!(errno(&client.ask(line)), 22, "{line:?}");
    }
    assert_eq!(client.ask(r#"{"create":{"name":"wg0"}}"#), OK);
    let mut long = host.connect();
    long.send(&vec![b' '; 64 << 10]);
    assert_eq!(errno(&long.line()), 22);
    assert_eq!(long.line(), "");
    silent.send(b"{}}\n");
    assert_eq!(silent.line(), r#"{"ok":{"devices":["wg0"]}}"#);
}

/// A socket to send, and the other end of it, at which it shows when every copy is closed.
fn witness() -> (UnixStream, UnixStream) {
    let (sent, other) = UnixStream::pair().unwrap();
    other.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (sent, other)
}

fn closes((sent, mut other): (UnixStream, UnixStream)) {
    drop(sent);
    assert_eq!(other.read(&mut [0]).unwrap(), 0);
}

#[test]
fn descriptors_that_nobody_asked_for_are_refused_and_closed() {
    let host = Host::start();
    let mut client = host.connect();
    let create = r#"{"create":{"name":"wg0"}}"#;
    for (request, count) in
        [(create, 1), (create, 2), (create, 40), (r#"{"list":{}}"#, 1), ("nonsense", 1)]
    {
        let witness = witness();
        let answer = client.ask_with(request, &vec![witness.0.as_raw_fd(); count]);
        assert_eq!(errno(&answer), 22, "{request} with {count}");
        closes(witness);
    }
    for path in ["/proc/self/ns/mnt", "/proc/self/exe", "/dev/null"] {
        let file = std::fs::File::open(path).unwrap();
        assert_eq!(errno(&client.ask_with(create, &[file.as_raw_fd()])), 22, "{path}");
    }
    // Piece by piece, and a line that never ends.
    let witness_of_pieces = witness();
    client.send_with(b"{\"create\":", &[witness_of_pieces.0.as_raw_fd()]);
    let net = std::fs::File::open(host.net()).unwrap();
    let answer = client.ask_with(r#"{"name":"wg0"}}"#, &[net.as_raw_fd()]);
    assert_eq!(errno(&answer), 22);
    closes(witness_of_pieces);
    let last = witness();
    client.send_with(b"{", &[last.0.as_raw_fd()]);
    drop(client);
    closes(last);
    assert_eq!(host.devices(), r#"{"ok":{"devices":[]}}"#);
    assert!(!host.has_link("wg0"));
}

#[test]
fn a_shutdown_deletes_all_and_ends_the_process() {
    let host = Host::start();
    host.create("wg0");
    host.create("wg1");
    // What outlives the thread that makes the host.
    let directory = std::fs::File::open(host.path("/run")).unwrap();
    let run = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    let net = host.hold();
    assert!(run.join("wireguard/wg0.sock").exists());
    let mut client = host.connect();
    assert_eq!(client.ask(r#"{"shutdown":{}}"#), OK);
    assert_eq!(client.line(), "");
    eventually("it ends", || host.has_ended());
    assert!(!run.join("wgcni/tunnels.sock").exists());
    assert!(!run.join("wireguard/wg0.sock").exists());
    eventually("the link goes", || {
        let link = net.run(|| nix::net::if_::if_nametoindex("wg1"));
        link.join().unwrap().is_err()
    });
}

#[test]
fn uapi_requests_that_make_no_sense_are_refused() {
    let host = Host::start();
    host.create("wg0");
    let socket = host.path("/run/wireguard/wg0.sock");
    let mut hung = Client::new(&socket);
    hung.send(b"set=1\n");
    let ask = |request: &str| {
        let mut client = Client::new(&socket);
        client.send(format!("{request}\n\n").as_bytes());
        client.line()
    };
    let peer = "01".repeat(32);
    assert_eq!(ask(&format!("set=1\npublic_key={peer}")), "errno=126");
    assert_eq!(ask(&format!("set=1\nprivate_key={}", "0".repeat(64))), "errno=22");
    assert_eq!(ask("nonsense"), "errno=22");
    assert_eq!(ask("set=1\nlisten_port=many"), "errno=22");
    assert_eq!(ask(&format!("set=1\nprivate_key={}", "42".repeat(32))), "errno=0");
    assert_eq!(ask(&format!("set=1\npublic_key={peer}")), "errno=0");
}

#[test]
fn a_port_that_is_taken_is_reported_and_can_be_had_later() {
    let host = Host::start();
    host.device("wg0", 5001);
    host.device("wg1", 5002);
    let socket = host.path("/run/wireguard/wg1.sock");
    let set_port = |port: u16| {
        let mut client = Client::new(&socket);
        client.send(format!("set=1\nlisten_port={port}\n\n").as_bytes());
        client.line()
    };
    let port = || host.command("wg show wg1 listen-port").trim().to_owned();
    assert_eq!(set_port(5001), "errno=98");
    assert_eq!(port(), "5002");
    assert_eq!(set_port(5001), "errno=98");
    host.delete("wg0");
    eventually("the port is free", || set_port(5001) == "errno=0");
    assert_eq!(port(), "5001");
    eventually("the old port is free", || host.command("ss -Hlun sport = :5002").is_empty());
}

#[test]
fn another_key_on_the_same_port_is_taken_every_time() {
    let host = Host::start();
    host.device("wg0", 5001);
    for _ in 0..50 {
        // A failure to bind is a failure of `wg`.
        host.configure("wg0", 5001);
        assert_eq!(host.command("wg show wg0 listen-port").trim(), "5001");
    }
    let (a, b) = pair(1500, false);
    let key = a.configure("wg0", 5001);
    b.peer("wg0", &key, "192.0.2.1:5001", "10.0.0.1/32");
    a.ping("10.0.0.2");
}

#[test]
fn the_protocol_tells_its_version() {
    let host = Host::start();
    let expected = format!(r#"{{"ok":{{"version":{}}}}}"#, wgcni_tunnels::PROTOCOL);
    assert_eq!(host.ask(r#"{"version":{}}"#), expected);
}

#[test]
fn a_peer_to_be_kept_alive_is_greeted_at_once() {
    let host = Host::start();
    let (hub, container) = (host.device("hub", 51819), host.device("wgc", 0));
    host.command(&format!("wg set hub peer {container} allowed-ips 10.0.0.2/32"));
    let hello = "endpoint 127.0.0.1:51819 persistent-keepalive 25";
    host.command(&format!("wg set wgc peer {hub} {hello}"));
    eventually("the hub knows its container", || {
        host.command("wg show hub endpoints").contains("127.0.0.1:")
    });
}

#[test]
fn peers_that_come_change_and_go_leave_the_others_alone() {
    let (a, b) = pair(1500, false);
    a.ping("10.0.0.2");
    let handshake = || a.command("wg show wg0 latest-handshakes");
    let key = b.command("wg show wg0 public-key").trim().to_owned();
    let before = handshake();
    let other = host_key(&a);
    a.peer("wg0", &other, "192.0.2.9:1", "10.0.1.0/24");
    a.peer("wg0", &other, "192.0.2.8:2", "10.0.2.0/24");
    a.command(&format!("wg set wg0 peer {other} remove"));
    a.ping("fd00::2");
    assert_eq!(handshake(), before);
    // A change of the peer itself costs a handshake, no more.
    a.peer("wg0", &key, "192.0.2.2:5002", "10.0.0.2/32,fd00::2/128,10.0.7.0/24");
    a.command(&format!("wg set wg0 peer {key} persistent-keepalive 1"));
    a.ping("10.0.0.2");
    let shown = a.command("wg show wg0 dump");
    assert!(shown.contains("10.0.7.0/24") && !shown.contains(&other), "{shown}");
    let private = a.command("wg show wg0 private-key");
    let config = format!("[Interface]\nPrivateKey = {private}");
    std::fs::write(a.path("/run/config"), config).unwrap();
    a.command("wg syncconf wg0 /run/config");
    assert!(!a.command("wg show wg0 dump").contains(&key));
}

fn host_key(host: &Host) -> String {
    host.device("wgspare", 0)
}
