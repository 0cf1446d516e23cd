//! Hosts and containers made of namespaces that end with the threads that hold them: nothing is
//! left behind, however a test ends.

#![allow(dead_code, clippy::unwrap_used, clippy::must_use_candidate)]

use std::io::{BufRead, BufReader, IoSlice, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::gettid;
use tokio::sync::oneshot;
use wgcni_tunnels::{Config, serve};

/// Where each host has its control socket, in its own mount namespace.
const SOCKET: &str = "/run/wgcni/tunnels.sock";

/// A network namespace, held by a thread.
pub struct Namespace {
    tid: i32,
    release: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A host: a network and a mount namespace, in which `serve` runs.
pub struct Host {
    pub tid: i32,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What has a network namespace.
pub trait Place {
    fn tid(&self) -> i32;

    fn net(&self) -> String {
        ns(self.tid(), "net")
    }

    /// Runs on a thread inside.
    fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T>
    where
        Self: Sized,
    {
        let net = self.net();
        thread::spawn(move || {
            setns(std::fs::File::open(net).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            f()
        })
    }

    /// Runs a command inside; its output.
    fn command(&self, line: &str) -> String {
        let output = Command::new("nsenter")
            .arg(format!("--net={}", self.net()))
            .arg(format!("--mount={}", ns(self.tid(), "mnt")))
            .args(line.split_whitespace())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn ping(&self, to: &str) {
        self.command(&format!("ping -q -i 0.05 -c 5 -w 10 {to}"));
    }
}

impl Place for Namespace {
    fn tid(&self) -> i32 {
        self.tid
    }
}

impl Place for Host {
    fn tid(&self) -> i32 {
        self.tid
    }
}

fn ns(tid: i32, kind: &str) -> String {
    format!("/proc/{}/task/{tid}/ns/{kind}", std::process::id())
}

impl Namespace {
    pub fn new() -> Self {
        Self::with(|| unshare(CloneFlags::CLONE_NEWNET))
    }

    /// Holds the namespace that another place is in.
    fn of(place: &impl Place) -> Self {
        let net = std::fs::File::open(place.net()).unwrap();
        Self::with(move || setns(net, CloneFlags::CLONE_NEWNET))
    }

    fn with(enter: impl FnOnce() -> nix::Result<()> + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            enter().unwrap();
            tell.send(gettid().as_raw()).unwrap();
            let _ = released.recv();
        });
        let tid = told.recv().unwrap();
        Self { tid, release: Some(release), thread: Some(thread) }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.release.take());
        let _ = self.thread.take().unwrap().join();
    }
}

impl Host {
    pub fn start() -> Self {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
            let flags = MsFlags::empty();
            mount(Some("none"), "/run", Some("tmpfs"), flags, None::<&str>).unwrap();
            tell.send(gettid().as_raw()).unwrap();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let config = Config { socket: SOCKET.into() };
            let shutdown = async {
                let _ = stopped.await;
            };
            runtime.block_on(serve(config, shutdown)).unwrap();
        });
        let host = Self { tid: told.recv().unwrap(), stop: Some(stop), thread: Some(thread) };
        eventually("the control socket is there", || host.path(SOCKET).exists());
        host.command("ip link set lo up");
        host
    }

    /// The host's network namespace, beyond its end.
    pub fn hold(&self) -> Namespace {
        Namespace::of(self)
    }

    /// Whether `serve` has returned.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// A path as the host sees it.
    pub fn path(&self, path: &str) -> std::path::PathBuf {
        let pid = std::process::id();
        format!("/proc/{pid}/task/{}/root{path}", self.tid).into()
    }

    pub fn connect(&self) -> Client {
        Client::new(&self.path(SOCKET))
    }

    /// One request on a connection of its own; its answer.
    pub fn ask(&self, request: &str) -> String {
        self.connect().ask(request)
    }

    pub fn create(&self, name: &str) {
        let answer = self.ask(&format!(r#"{{"create":{{"name":"{name}"}}}}"#));
        assert_eq!(answer, r#"{"ok":{}}"#);
    }

    /// Creates a device whose link is born elsewhere.
    pub fn create_in(&self, name: &str, place: &impl Place) {
        let net = std::fs::File::open(place.net()).unwrap();
        let request = format!(r#"{{"create":{{"name":"{name}"}}}}"#);
        assert_eq!(self.connect().ask_with(&request, &[net.as_raw_fd()]), r#"{"ok":{}}"#);
    }

    pub fn delete(&self, name: &str) -> String {
        self.ask(&format!(r#"{{"delete":{{"name":"{name}"}}}}"#))
    }

    pub fn devices(&self) -> String {
        self.ask(r#"{"list":{}}"#)
    }

    pub fn has_uapi(&self, name: &str) -> bool {
        self.path(&format!("/run/wireguard/{name}.sock")).exists()
    }

    pub fn has_link(&self, name: &str) -> bool {
        self.command("ip -o link").contains(&format!(" {name}:"))
    }

    /// Creates a device with a key; its public key.
    pub fn device(&self, name: &str, port: u16) -> String {
        self.create(name);
        self.configure(name, port)
    }

    /// Gives a device a key; its public key.
    pub fn configure(&self, name: &str, port: u16) -> String {
        let private = self.command("wg genkey");
        std::fs::write(self.path("/run/key"), private).unwrap();
        self.command(&format!("wg set {name} private-key /run/key listen-port {port}"));
        self.command(&format!("wg show {name} public-key")).trim().to_owned()
    }

    pub fn peer(&self, device: &str, key: &str, endpoint: &str, allowed: &str) {
        let line = format!("wg set {device} peer {key} endpoint {endpoint} allowed-ips {allowed}");
        self.command(&line);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(thread::panicking() || ended.is_ok());
    }
}

/// A connection to a control or UAPI socket.
pub struct Client(BufReader<UnixStream>);

impl Client {
    pub fn new(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Sends descriptors along.
    pub fn send_with(&mut self, bytes: &[u8], descriptors: &[RawFd]) {
        let rights = [ControlMessage::ScmRights(descriptors)];
        let socket = self.0.get_ref().as_raw_fd();
        let pieces = [IoSlice::new(bytes)];
        let sent = sendmsg::<()>(socket, &pieces, &rights, MsgFlags::empty(), None);
        assert_eq!(sent, Ok(bytes.len()));
    }

    pub fn ask_with(&mut self, request: &str, descriptors: &[RawFd]) -> String {
        self.send_with(format!("{request}\n").as_bytes(), descriptors);
        self.line()
    }

    /// The next line; empty at the end of the connection.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn ask(&mut self, request: &str) -> String {
        self.send(format!("{request}\n").as_bytes());
        self.line()
    }
}

/// A wire between two places.
pub fn wire(a: &impl Place, b: &impl Place, mtu: u32) {
    let far = b.net();
    a.command(&format!(
        "ip link add eth0 mtu {mtu} type veth peer name eth0 mtu {mtu} netns {far}"
    ));
    for (place, number) in [(a as &dyn Place, 1), (b, 2)] {
        place.command(&format!("ip addr add 192.0.2.{number}/24 dev eth0"));
        place.command(&format!("ip addr add 2001:db8::{number}/64 dev eth0 nodad"));
        place.command("ip link set eth0 up");
    }
}

/// Two hosts, a wire, and a tunnel with addresses that end in 1 and 2.
pub fn pair(wire_mtu: u32, outer_v6: bool) -> (Host, Host) {
    let (a, b) = (Host::start(), Host::start());
    wire(&a, &b, wire_mtu);
    let (key_a, key_b) = (a.device("wg0", 5001), b.device("wg0", 5002));
    let outer = |n: u32| {
        if outer_v6 { format!("[2001:db8::{n}]:500{n}") } else { format!("192.0.2.{n}:500{n}") }
    };
    a.peer("wg0", &key_b, &outer(2), "10.0.0.2/32,fd00::2/128");
    b.peer("wg0", &key_a, &outer(1), "10.0.0.1/32,fd00::1/128");
    for (host, number) in [(&a, 1), (&b, 2)] {
        let mtu = wire_mtu - 80;
        host.command(&format!("ip link set wg0 mtu {mtu} up"));
        host.command(&format!("ip addr add 10.0.0.{number}/24 dev wg0"));
        host.command(&format!("ip addr add fd00::{number}/64 dev wg0 nodad"));
    }
    (a, b)
}

/// Waits until it holds. Also for what `delete` promises: while another test starts a command, the
/// child has copies of this process's descriptors, and links and ports live as long as those.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
