//! A host of its own for each test: network namespace, mount namespace with empty state
//! directories, one link to the outside, a cluster-manager on its loopback. Everything goes
//! with it, also when a test panics.
#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc, missing_docs)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wgcni_api::client::Node as Client;
use wgcni_api::node::{Attach, Attached, Checked, Detach, Namespace, Prune, Pruned};
use wgcni_api::node_v1 as wire;
use wgcni_daemon::CancellationToken;
use wgcni_daemon::config::{File as ConfigFile, Flags};
use wgcni_model::{AttachmentKey, NamespaceId, PrivateKey, PublicKey};

pub const BINARY: &str = env!("CARGO_BIN_EXE_node-manager");

/// The cluster-manager of these hosts is on their own loopback, and knows no members.
pub const PLAINTEXT: &str = "--insecure-plaintext";

/// Mounts and links of a host, then a process that only holds them.
const HOST: &str = "set -e
for dir in /run/wgcni /run/wireguard /var/lib/wgcni /etc/wgcni; do
    mkdir -p $dir; mount -t tmpfs -o mode=0755 tmpfs $dir
done
mount -t sysfs sysfs /sys
ip link set lo up
ip link add u0 type veth peer name u1
ip address add 192.0.2.1/24 dev u0
ip link set u0 up; ip link set u1 up
echo ready > /run/wgcni/.made
exec sleep 1000";

/// Waits, generously, until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A host.
pub struct Host {
    holder: Child,
    node: Option<Child>,
    manager: Option<Manager>,
}

struct Manager {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl Host {
    /// A host with a cluster-manager.
    pub fn new() -> Self {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--mount", "--propagation", "private", "sh", "-c", HOST]);
        let holder = unshare.stdin(Stdio::null()).spawn().unwrap();
        let mut host = Self { holder, node: None, manager: None };
        until("the host is made", || host.path("/run/wgcni/.made").exists());
        fs::remove_file(host.path("/run/wgcni/.made")).unwrap();
        host.start_manager();
        host
    }

    /// Where this process finds a file of the host.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.holder.id()))
    }

    /// A file of the node-manager's state.
    pub fn state(&self, name: &str) -> PathBuf {
        self.path("/var/lib/wgcni/node-manager").join(name)
    }

    /// A command on the host.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.holder.id().to_string();
        command.args(["--target", &target, "--net", "--mount", "--", program]).args(args);
        command.stdin(Stdio::null());
        command
    }

    /// What a command prints; it must succeed.
    pub fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap();
        let args: Vec<&str> = words.collect();
        let output = self.command(program, &args).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the node-manager with another verb than serve.
    pub fn node_manager(&self, args: &[&str]) -> Output {
        self.command(BINARY, args).output().unwrap()
    }

    pub fn start_manager(&mut self) {
        let dir = self.path("/var/lib/wgcni/manager");
        let config = format!(
            "cluster_id = \"{:032x}\"\nprefix_v6 = \"fd00:aa::/48\"\nstate_dir = \"{}\"\nquarantine_seconds = 0\ninsecure_plaintext = true\n",
            7,
            dir.display()
        );
        let file = self.path("/etc/wgcni/manager.toml");
        fs::write(&file, config).unwrap();
        let namespace = File::open(format!("/proc/{}/ns/net", self.holder.id())).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        // A thread of its own: it stays in the host's namespace until it ends.
        let thread = thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            let file = ConfigFile::named_or(Some(file), "");
            let config = cluster_manager::config::Config::read(&file, &Flags::default()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(cluster_manager::serve::serve(config, stopped)).unwrap();
        });
        self.manager = Some(Manager { stop, thread });
    }

    pub fn stop_manager(&mut self) {
        if let Some(manager) = self.manager.take() {
            manager.stop.cancel();
            let done = manager.thread.join();
            assert!(done.is_ok() || thread::panicking());
        }
    }

    /// Starts the node-manager and waits until ADD works.
    pub fn start(&mut self, args: &[&str]) {
        self.spawn(args);
        until("the node is ready", || self.status().is_some_and(|status| status.ready));
    }

    /// Starts the node-manager.
    pub fn spawn(&mut self, args: &[&str]) {
        let log = self.log_file();
        let log_level = ["--log", "node_manager=debug,wgcni_dataplane=debug"];
        let args = [&["serve", "--node", "one", PLAINTEXT][..], &log_level, args].concat();
        let mut command = self.command(BINARY, &args);
        self.node = Some(command.stderr(log).spawn().unwrap());
    }

    fn log_file(&self) -> File {
        fs::create_dir_all(self.path("/var/lib/wgcni/log")).unwrap();
        File::create(self.path("/var/lib/wgcni/log/node-manager")).unwrap()
    }

    /// What the running node-manager has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("/var/lib/wgcni/log/node-manager")).unwrap()
    }

    /// Ends the node-manager and waits for it.
    pub fn end(&mut self, signal: Signal) {
        let mut node = self.node.take().unwrap();
        kill(Pid::from_raw(node.id().try_into().unwrap()), signal).unwrap();
        let status = node.wait().unwrap();
        assert!(signal == Signal::SIGKILL || status.success(), "{status}: {}", self.log());
    }

    /// Makes calls, on a runtime and a connection of their own.
    pub fn call<T, F: Future<Output = T>>(&self, calls: impl FnOnce(Client) -> F) -> T {
        let socket = self.path("/run/wgcni/node.sock");
        block_on(
            async move { calls(wgcni_api::client::node(&socket, Duration::from_secs(10))).await },
        )
    }

    pub fn status(&self) -> Option<wire::StatusResponse> {
        let request = wire::StatusRequest::default();
        let answer = self.call(async |client| client.status(request).await);
        answer.ok().map(connectrpc::client::UnaryResponse::into_owned)
    }

    pub fn attach(&self, attach: &Attach) -> Result<Attached, connectrpc::ConnectError> {
        let request = wire::AttachRequest::from(attach);
        let answer = self.call(async |client| client.attach(request).await);
        answer.map(|answer| Attached::try_from(answer.into_owned()).unwrap())
    }

    pub fn detach(&self, detach: &Detach) {
        let request = wire::DetachRequest::from(detach);
        self.call(async |client| client.detach(request).await).unwrap();
    }

    pub fn check(&self, key: &AttachmentKey) -> Result<Checked, connectrpc::ConnectError> {
        let request =
            wire::CheckRequest { key: wire::AttachmentKey::from(key).into(), ..Default::default() };
        let answer = self.call(async |client| client.check(request).await);
        answer.map(|answer| Checked::try_from(answer.into_owned()).unwrap())
    }

    pub fn prune(&self, prune: &Prune) -> Vec<AttachmentKey> {
        let request = wire::PruneRequest::from(prune);
        let answer = self.call(async |client| client.prune(request).await).unwrap();
        let removed = answer.into_owned().removed.into_iter();
        removed.map(|gone| Pruned::try_from(gone).unwrap().key).collect()
    }

    /// Processes in the host's network namespace, the holder aside.
    pub fn processes(&self) -> Vec<(Pid, String)> {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let own = namespace(&self.holder.id().to_string());
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            entry.ok()?.file_name().into_string().ok().filter(|pid| pid.parse::<i32>().is_ok())
        });
        let inside = pids.filter(|pid| own.is_some() && namespace(pid) == own);
        let line = |pid: &str| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ")
        };
        let found = inside.map(|pid| (Pid::from_raw(pid.parse().unwrap()), line(&pid)));
        found.filter(|(pid, _)| pid.as_raw().unsigned_abs() != self.holder.id()).collect()
    }

    /// The tunnels process.
    pub fn tunnels(&self) -> Option<Pid> {
        let mut all = self.processes().into_iter();
        all.find(|(_, line)| line.contains(" tunnels ")).map(|(pid, _)| pid)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() && self.node.is_some() {
            eprintln!("node-manager said:\n{}", self.log());
        }
        self.stop_manager();
        // The last before the holder: without it nobody knows the namespace's processes.
        for (pid, line) in self.processes() {
            if line.contains("node-manager") {
                let _ = kill(pid, Signal::SIGKILL);
            }
        }
        if let Some(mut node) = self.node.take() {
            let _ = node.wait();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Runs a call to its end.
pub fn block_on<T>(call: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(call)
}

pub fn key(container: &str) -> AttachmentKey {
    AttachmentKey {
        network: "wgnet".parse().unwrap(),
        container_id: container.parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

pub fn public(n: u8) -> PublicKey {
    PrivateKey::from_random([n; 32]).public_key()
}

/// Container `name`, the `n`th, in a namespace of its own.
pub fn request(name: &str, n: u8) -> Attach {
    // A number that the kernel never gives, so that it is nobody's.
    let id = NamespaceId { device: 4, inode: 9_000_000_000 + u64::from(n), cookie: None };
    Attach {
        key: key(name),
        namespace: Namespace { path: format!("/run/netns/{name}"), id },
        public_key: public(n),
        requested: None,
        started: None,
    }
}
