//! The real program in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use wgcni_api::Registration;
use wgcni_api::client::ClusterManager;
use wgcni_api::ipam_v1::AllocateRequest;
use wgcni_model::{Endpoints, PrivateKey, Revision};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-manager");

/// A running cluster-manager, killed when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    dir: TempDir,
}

impl Process {
    /// In plaintext.
    pub fn start() -> Self {
        Self::with(&["--insecure-plaintext"])
    }

    /// With identities.
    pub fn secure() -> Self {
        Self::with(&["--join-listen", "127.0.0.1:0", "--advertise", "127.0.0.1"])
    }

    fn with(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let config = dir.path().join("config.toml");
        let mut init = Command::new(PROGRAM);
        init.args(["init", "--non-interactive", "--listen", "127.0.0.1:0"]).args(arguments);
        init.args(["--log-format", "json"]).arg("--socket").arg(dir.path().join("run/cm.sock"));
        init.arg("--config").arg(&config).arg("--state-dir").arg(dir.path().join("state"));
        init.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(init.status().unwrap().success());
        let mut serve = Command::new(PROGRAM);
        serve.arg("serve").arg("--config").arg(&config).stderr(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["fields"]["listen"].as_str()?.parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.unwrap(), dir }
    }

    pub fn client(&self) -> ClusterManager {
        let uri = format!("http://{}", self.address).parse().unwrap();
        ClusterManager::plaintext(uri, Duration::from_secs(30))
    }

    /// Root's client.
    pub fn root(&self) -> ClusterManager {
        ClusterManager::unix(&self.dir.path().join("run/cm.sock"), Duration::from_secs(30))
    }

    /// Resident memory in MB.
    pub fn rss(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024.0 / 1e6
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn name(number: u32) -> String {
    format!("node-{number}")
}

/// Leases for a node and registers it.
pub async fn join(client: &ClusterManager, number: u32) {
    let request = AllocateRequest { node: name(number), ..Default::default() };
    client.ipam.allocate(request).await.unwrap();
    register(client, number).await;
}

/// Registers a node that has a lease.
pub async fn register(client: &ClusterManager, number: u32) {
    let [_, a, b, c] = number.to_be_bytes();
    let endpoint = format!("100.{a}.{b}.{c}:51820").parse().unwrap();
    let key = |kind: u8| {
        let mut secret = [kind; 32];
        secret[1..5].copy_from_slice(&number.to_be_bytes());
        PrivateKey::from_random(secret).public_key()
    };
    let registration = Registration {
        node: name(number).parse().unwrap(),
        mesh_key: key(1),
        hub_key: key(2),
        endpoints: Endpoints::try_from(vec![endpoint]).unwrap(),
        applied: Revision(0),
    };
    client.wireguard.register_peer((&registration).into()).await.unwrap();
}
