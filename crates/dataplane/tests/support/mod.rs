//! Hosts and containers for tests: namespaces that end with the threads that made them.
#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc)]

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use wgcni_dataplane::{
    Change, Engine, Host, Link, Namespace, Parts, Peer, Preference, State, Tunnels, Wireguard,
};
use wgcni_model::{AttachmentKey, ClusterId, PrivateKey};

/// Runs a test on a host of its own: a network namespace, and a mount namespace with an
/// empty `/run`. Nothing of it outlives the call.
pub fn host<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let inside = || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none).unwrap();
        std::fs::create_dir_all("/run/wireguard").unwrap();
        sh("ip link set lo up");
        test()
    };
    thread::scope(|scope| match scope.spawn(inside).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// A network namespace for a container.
pub fn container() -> Namespace {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        Namespace::current().unwrap()
    };
    thread::spawn(make).join().unwrap()
}

/// What runs the devices of the host that the calling thread is in: its kernel, or a
/// tunnels process (as a thread) where the kernel has no WireGuard.
pub struct Process {
    pub engine: Engine,
    thread: Option<thread::JoinHandle<()>>,
}

pub fn tunnels() -> Process {
    let socket = PathBuf::from("/run/wgcni/tunnels.sock");
    let engine = Engine::detect(Preference::Auto, &socket).unwrap();
    let thread = match &engine {
        Engine::Kernel => None,
        Engine::Userspace(tunnels) => Some(start(socket, tunnels)),
    };
    Process { engine, thread }
}

fn start(socket: PathBuf, tunnels: &Tunnels) -> thread::JoinHandle<()> {
    // The thread inherits the namespaces of this one.
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = wgcni_tunnels::Config { socket };
        runtime.block_on(wgcni_tunnels::serve(config, std::future::pending())).unwrap();
    });
    until("the tunnels process answers", || tunnels.list().is_ok());
    thread
}

impl Process {
    /// Runs `wg` on a container's device: in the kernel that is found in the container, a
    /// userspace one by its name at creation.
    pub fn wg(&self, inside: &Namespace, device: &str, arguments: &str) {
        match &self.engine {
            Engine::Kernel => sh_in(inside, &format!("wg set eth0 {arguments}")),
            Engine::Userspace(_) => sh(&format!("wg set {device} {arguments}")),
        };
    }

    /// Leaves a device behind as an attempt does that dies before it is named.
    pub fn abandon(&self, device: &str, inside: &Namespace) {
        match &self.engine {
            Engine::Kernel => drop(sh_in(inside, &format!("ip link add {device} type wireguard"))),
            Engine::Userspace(tunnels) => tunnels.create_in(device, inside.as_fd()).unwrap(),
        }
    }

    /// The devices that live in the host, or anywhere.
    pub fn devices(&self) -> Vec<String> {
        match &self.engine {
            Engine::Kernel => {
                sh("wg show interfaces").split_whitespace().map(str::to_owned).collect()
            }
            Engine::Userspace(tunnels) => tunnels.list().unwrap(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Engine::Userspace(tunnels) = &self.engine {
            let ended =
                tunnels.shutdown().map(|()| self.thread.take().map(thread::JoinHandle::join));
            assert!(ended.is_ok() || thread::panicking(), "{ended:?}");
        }
    }
}

/// Waits for something that happens in another thread or process.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a command in the calling thread's namespaces and returns what it prints.
pub fn sh(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{command}: {}", text(output.stderr));
    text(output.stdout)
}

/// The same inside a namespace.
pub fn sh_in(namespace: &Namespace, command: &str) -> String {
    namespace.run(|| sh(command)).unwrap()
}

pub fn cluster() -> ClusterId {
    ClusterId::from_random([7; 16])
}

/// An attachment.
pub fn attachment() -> AttachmentKey {
    AttachmentKey {
        network: "wgnet".parse().unwrap(),
        container_id: "c0ffee".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

/// A key that no other call returns.
pub fn key() -> PrivateKey {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    PrivateKey::from_random([NEXT.fetch_add(1, Ordering::Relaxed); 32])
}

pub fn peer(endpoint: Option<&str>, allowed: &[&str]) -> Peer {
    Peer {
        endpoint: endpoint.map(|e| e.parse::<SocketAddr>().unwrap()),
        allowed_ips: allowed.iter().map(|net| net.parse().unwrap()).collect(),
        ..Peer::default()
    }
}

pub fn link(port: u16, addresses: &[&str]) -> Link {
    Link {
        mtu: 1420,
        up: true,
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect::<BTreeSet<_>>(),
        wireguard: Wireguard { private_key: key(), listen_port: port, peers: BTreeMap::new() },
    }
}

/// All links with their aliases, addresses, routes and rules, to be compared before and after.
/// Without what the kernel notes of a carrier: of a device that nobody has open it does so
/// some time after the device is there.
pub fn everything() -> String {
    sh("ip -o -d link |
            sed 's/ state [A-Z]*//; s/qdisc [a-z_]*//; s/ *group default.*//; s/NO-CARRIER,//'
        ip -o addr | grep -v fe80
        ip route | sed 's/ linkdown//'; ip -6 route | grep -v fe80 | sed 's/ linkdown//'
        for save in iptables ip6tables; do $save-save | grep -v '^#'; done; true")
}

pub fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// All but the firewall, which has tests of its own.
pub fn parts() -> Parts {
    Parts::HUB | Parts::MESH | Parts::ROUTES | Parts::SYSCTLS
}

pub fn fresh(process: &Process) -> Host {
    Host::new(cluster(), process.engine.clone()).unwrap()
}

/// One pass does it all, another finds nothing to do.
pub fn reconcile(host: &Host, want: &State) -> Vec<Change> {
    let report = host.reconcile(want, parts()).unwrap();
    assert!(report.is_ok(), "{:?}", report.failures);
    let again = host.reconcile(want, parts()).unwrap();
    assert_eq!((again.done, again.failures.len()), (vec![], 0));
    report.done
}
