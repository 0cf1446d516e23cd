//! containerd and its tool `ctr`.

use std::net::IpAddr;

use anyhow::{Context, Result};

use crate::cluster::Cluster;
use crate::command::checked;
use crate::node::Node;
use crate::process::Process;
use crate::runtime::{PLUGINS_ABOVE, addresses_of, image, prepare};
use crate::wait;

/// Default directories of containerd, `ctr` and the CNI library.
const DIRECTORIES: [&str; 4] =
    ["/run/containerd", "/var/lib/containerd", "/var/lib/cni", PLUGINS_ABOVE];

const CONFIG: &str = "/run/containerd/config.toml";

/// Nothing that a machine may lack, and nothing with directories elsewhere.
const CONFIGURATION: &str = r#"version = 2
disabled_plugins = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
]
"#;

/// A containerd of one node with one image. Its containers outlive it; the lab ends them.
#[derive(Debug)]
pub struct Containerd<'a> {
    node: &'a Node,
    /// containerd's own word: it is the first part of CNI's container ids, too.
    namespace: String,
    _daemon: Process,
}

impl<'a> Containerd<'a> {
    /// Starts it on a node and imports the image.
    ///
    /// # Errors
    /// When Debian's package is missing or it does not get ready.
    pub fn start(cluster: &Cluster, node: &'a Node) -> Result<Self> {
        let host = node.host();
        let run = cluster.lab().run();
        let archive = prepare(cluster, node, &DIRECTORIES)?;
        host.write(CONFIG, CONFIGURATION)?;
        let mut command = host.command("containerd")?;
        command.args(["--config", CONFIG]);
        let mut daemon = host.spawn("containerd", command).context("install containerd")?;
        daemon.wait_ready(|| host.run(&["ctr", "version"]).is_ok())?;
        let containerd = Self { node, namespace: run.id().to_owned(), _daemon: daemon };
        containerd.ctr(&["images", "import", &archive.to_string_lossy()])?;
        Ok(containerd)
    }

    /// Runs `ctr`; its standard output.
    ///
    /// # Errors
    /// With what it said when it does not end with 0.
    pub fn ctr(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.node.host().command("ctr")?;
        checked(command.args(["--namespace", &self.namespace]).args(arguments))
    }

    /// `ctr run --rm --cni`: the output of a command in a container of its own.
    ///
    /// # Errors
    /// With what ctr said when it does not end with 0.
    pub fn run(&self, id: &str, line: &[&str]) -> Result<String> {
        self.ctr(&[&["run", "--rm", "--cni", image::NAME, id], line].concat())
    }

    /// `ctr run -d --cni`: a container that sleeps.
    ///
    /// # Errors
    /// With what ctr said when it does not end with 0.
    pub fn run_detached(&self, id: &str) -> Result<()> {
        self.ctr(&["run", "--detach", "--cni", image::NAME, id]).map(drop)
    }

    /// Runs a command in a running container; its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn exec(&self, id: &str, line: &[&str]) -> Result<String> {
        self.ctr(&[&["task", "exec", "--exec-id", "exec", id], line].concat())
    }

    /// Ends a container at once and forgets it. ctr sends no DEL.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&self, id: &str) -> Result<()> {
        self.ctr(&["task", "kill", "--signal", "SIGKILL", id])?;
        // The exit code of the container becomes ctr's own.
        wait::until(&format!("container {id} to end"), || {
            let _ = self.ctr(&["task", "delete", id]);
            self.tasks().is_ok_and(|tasks| tasks.iter().all(|(task, _)| task != id))
        })?;
        self.ctr(&["container", "delete", id]).map(drop)
    }

    /// Ids of the tasks, each with its process id.
    ///
    /// # Errors
    /// When ctr fails.
    pub fn tasks(&self) -> Result<Vec<(String, String)>> {
        let table = self.ctr(&["task", "list"])?;
        let row = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            words.next().zip(words.next())
        };
        Ok(table.lines().skip(1).filter_map(row).collect())
    }

    /// Ids of the containers, running or not.
    ///
    /// # Errors
    /// When ctr fails.
    pub fn containers(&self) -> Result<Vec<String>> {
        let list = self.ctr(&["container", "list", "--quiet"])?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    /// What `eth0` of a running container has, IPv4 first.
    ///
    /// # Errors
    /// When it does not run.
    pub fn addresses(&self, id: &str) -> Result<Vec<IpAddr>> {
        let tasks = self.tasks()?;
        let task = tasks.iter().find(|(task, _)| task == id);
        addresses_of(&task.with_context(|| format!("no task {id}"))?.1)
    }

    /// How CNI calls one of its containers.
    pub fn container_id(&self, id: &str) -> String {
        format!("{}-{id}", self.namespace)
    }
}
