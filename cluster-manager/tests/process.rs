//! The program itself: what it writes, refuses, survives.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use common::{DEADLINE, allocate, client};
use wgcni_api::ipam_v1::ListRequest;
use wgcni_model::{History, Lease, Revision};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-manager");

/// A directory with a configuration, and the program in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let output = home.init(&["--insecure-plaintext", "--prefix-v4", "10.64.0.0/12"]);
        assert!(output.status.success(), "{}", text(&output));
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.path("config.toml")).arg(verb);
        command
    }

    fn init(&self, args: &[&str]) -> Output {
        let state = self.path("state");
        let mut command = self.command("init");
        command.arg("--state-dir").arg(state).arg("--socket").arg(self.path("run/cm.sock"));
        command.arg("--whitelist-dir").arg(self.path("whitelisted-keys"));
        command.args(["--listen", "127.0.0.1:0", "--join-listen", "127.0.0.1:0"]).args(args);
        command.output().unwrap()
    }

    fn refused(&self, args: &[&str]) -> String {
        let output = self.command("serve").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output)
    }

    fn serve(&self) -> Serving {
        let mut command = self.command("serve");
        command.args(["--log-format", "json"]).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["fields"]["listen"].as_str()?.parse().ok()
        });
        // Somebody must read on, or the program would wait for it.
        std::thread::spawn(move || lines.for_each(drop));
        Serving { child, address: address.unwrap() }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running program, killed when dropped.
struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Serving {
    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request as `curl -d` sends it.
fn post(address: SocketAddr, method: &str, json: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = json.len();
    write!(
        stream,
        "POST /{method} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{json}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_leases_survive_kill_9_and_none_is_given_twice() {
    let home = Home::new();
    let serving = home.serve();
    let acknowledged = ask_until_killed(serving, 1000, 300).await;
    assert!(acknowledged.len() >= 300, "{}", acknowledged.len());
    let serving = home.serve();
    let client = client(serving.address);
    let list = client.ipam.list(ListRequest::default()).await.unwrap().into_owned();
    let stored = list.leases.into_iter().map(|lease| Lease::try_from(lease).unwrap());
    let stored: BTreeMap<_, _> = stored.map(|lease| (lease.node.clone(), lease)).collect();
    for lease in &acknowledged {
        assert_eq!(stored.get(&lease.node), Some(lease), "acknowledged, then lost");
    }
    let mut prefixes = BTreeSet::new();
    for n in 0..1000 {
        let lease = allocate(&client, &format!("node-{n}")).await.unwrap();
        assert!(stored.get(&lease.node).is_none_or(|before| *before == lease));
        for prefix in lease.prefixes.iter() {
            assert!(prefixes.insert(prefix), "{prefix} was given twice");
        }
    }
    assert_eq!(serving.end("-TERM"), Some(0));
}

/// Asks for many leases at once, kills the program after some of the answers, and
/// returns all answers.
async fn ask_until_killed(serving: Serving, nodes: usize, answers: usize) -> Vec<Lease> {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let clients: Vec<_> = (0..8).map(|_| client(serving.address)).collect();
    let asking = (0..nodes).map(|n| {
        let (client, acknowledged) = (clients[n % 8].clone(), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            if let Ok(lease) = allocate(&client, &format!("node-{n}")).await {
                acknowledged.lock().unwrap().push(lease);
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    let enough = async {
        while acknowledged.lock().unwrap().len() < answers {
            tokio::time::sleep(std::time::Duration::from_micros(200)).await;
        }
    };
    tokio::time::timeout(DEADLINE, enough).await.unwrap();
    assert_eq!(serving.end("-KILL"), None);
    drop(clients);
    for task in asking {
        task.await.unwrap();
    }
    Arc::into_inner(acknowledged).unwrap().into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_streams_and_the_program() {
    let home = Home::new();
    let serving = home.serve();
    let client = client(serving.address);
    let mut watcher = common::watch(&client, Revision(0), &History::default()).await;
    watcher.snapshot().await;
    serving.signal("-TERM");
    assert_eq!(watcher.next().await, None);
    assert_eq!(serving.end("-TERM"), Some(0));
}

#[test]
fn the_service_manager_is_told_when_it_answers() {
    let home = Home::new();
    let socket = UnixDatagram::bind(home.path("notify")).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = home.command("serve");
    command.env("NOTIFY_SOCKET", home.path("notify")).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let _serving = Serving { child, address: ([127, 0, 0, 1], 0).into() };
    let mut said = [0; 64];
    let length = socket.recv(&mut said).unwrap();
    assert_eq!(std::str::from_utf8(&said[..length]).unwrap().trim(), "READY=1");
    UnixStream::connect(home.path("run/cm.sock")).unwrap();
}

#[test]
fn json_over_http_1_is_answered() {
    let home = Home::new();
    let serving = home.serve();
    let method = "wgcni.ipam.v1.IpamService/Allocate";
    let answer = post(serving.address, method, r#"{"node":"a"}"#);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains(r#""prefixes":["10.64.0.0/24","#), "{answer}");
    let answer = post(serving.address, method, r#"{"node":"A"}"#);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains(r#""code":"invalid_argument","message":"node: "#), "{answer}");
    let answer = post(serving.address, "grpc.health.v1.Health/Check", "{}");
    assert!(answer.contains("SERVING"), "{answer}");
}

#[test]
fn reflection_tells_a_foreign_client_what_is_served() {
    let home = Home::new();
    let serving = home.serve();
    let url = format!("http://{}", serving.address);
    let asked = ["curl", "--http2-prior-knowledge", "--protocol", "grpc", "--list-methods", &url];
    let told = Command::new("buf").args(asked).output().expect("run buf: see `make deps`");
    let told = String::from_utf8_lossy(&told.stdout);
    for method in
        ["wgcni.ipam.v1.IpamService/Allocate", "wgcni.wireguard.v1.WireguardService/WatchPeers"]
    {
        assert!(told.contains(method), "{told}");
    }
}

#[test]
fn overlap_with_a_route_of_the_host_is_refused_at_init_and_serve() {
    let home = Home::new();
    let within = |verb: &str| {
        let script = format!(
            "ip link add v0 type veth peer name v1 && ip addr add 10.66.0.1/16 dev v0 && \
             ip link set v0 up && exec {PROGRAM} --config {} {verb}",
            home.path("config.toml").display()
        );
        let output = Command::new("unshare").args(["-n", "sh", "-c", &script]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output)
    };
    for verb in ["init --force", "serve"] {
        let error = within(verb);
        let both = "prefix 10.64.0.0/12 overlaps 10.66.0.0/16, which this host reaches through v0";
        assert!(error.contains(both), "{error}");
    }
}

#[test]
fn plaintext_must_be_asked_for_and_is_shouted_about() {
    let home = Home::new();
    let error = home.refused(&["--insecure-plaintext=false"]);
    assert!(error.contains("has no keys of a cluster"), "{error}");
    assert!(error.contains("cluster-manager init"), "{error}");
    let mut child = home.command("serve").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let shouted = lines.find(|line| line.as_ref().unwrap().contains("INSECURE"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(shouted.unwrap().unwrap().contains("WARN"));
}

#[test]
fn corrupt_store_is_refused_with_the_record_named() {
    let home = Home::new();
    let serving = home.serve();
    post(serving.address, "wgcni.ipam.v1.IpamService/Allocate", r#"{"node":"a"}"#);
    assert_eq!(serving.end("-TERM"), Some(0));
    spoil(&home.path("state/store/db"));
    let error = home.refused(&[]);
    assert!(error.contains("record leases/a: has a wrong checksum"), "{error}");
    assert!(error.contains("backup"), "{error}");
}

fn spoil(database: &Path) {
    let db = sled::Config::new().path(database).open().unwrap();
    let mut bytes = db.get("eleases/a").unwrap().unwrap().to_vec();
    bytes[20] ^= 4;
    db.insert("eleases/a", bytes).unwrap();
    db.flush().unwrap();
}

#[test]
fn second_program_on_the_same_state_is_refused() {
    let home = Home::new();
    let _serving = home.serve();
    let error = home.refused(&[]);
    assert!(error.contains("in use by another process"), "{error}");
}

#[test]
fn missing_configuration_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    let path = dir.path().join("none.toml");
    let output = command.arg("--config").arg(path).arg("serve").output().unwrap();
    let error = text(&output);
    assert!(error.contains("none.toml: No such file"), "{error}");
    assert!(
        error.contains("cluster_id (not set): is needed; run: cluster-manager init"),
        "{error}"
    );
}
