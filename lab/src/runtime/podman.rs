//! podman with its CNI backend.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cluster::{Cluster, conflist};
use crate::cni::DIRECTORY;
use crate::command::checked;
use crate::node::Node;
use crate::runtime::{PLUGINS, PLUGINS_ABOVE, addresses_of, image, prepare};

/// Default directories of podman, conmon, runc and the CNI library.
const DIRECTORIES: [&str; 9] = [
    "/etc/containers",
    "/var/lib/containers",
    "/var/lib/cni",
    "/run/containers",
    "/run/libpod",
    "/run/netns",
    "/run/runc",
    // podman's locks.
    "/dev/shm",
    PLUGINS_ABOVE,
];

const STORAGE: &str = r#"[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
"#;

/// Name of the network.
pub const NETWORK: &str = "wgnet";

/// podman on one node with one image. Its containers outlive it; the lab ends them.
#[derive(Debug)]
pub struct Podman<'a> {
    node: &'a Node,
    /// Control group above all containers.
    parent: String,
}

impl<'a> Podman<'a> {
    /// Prepares a node for podman and loads the image.
    ///
    /// # Errors
    /// When Debian's package is missing.
    pub fn new(cluster: &Cluster, node: &'a Node) -> Result<Self> {
        let host = node.host();
        let run = cluster.lab().run();
        let archive = prepare(cluster, node, &DIRECTORIES)?;
        host.write("/etc/containers/containers.conf", &configuration())?;
        host.write("/etc/containers/storage.conf", STORAGE)?;
        let policy = json!({ "default": [{ "type": "insecureAcceptAnything" }] });
        host.write("/etc/containers/policy.json", &policy.to_string())?;
        host.write(&format!("{DIRECTORY}/20-published.conflist"), &published().to_string())?;
        let podman = Self { node, parent: format!("/{}", run.id()) };
        podman.podman(&["load", "--quiet", "--input", &archive.to_string_lossy()])?;
        Ok(podman)
    }

    /// Runs `podman`; its standard output.
    ///
    /// # Errors
    /// With what it said when it does not end with 0.
    pub fn podman(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.node.host().command("podman")?;
        // A person's own settings are not the test's.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        checked(command.args(arguments)).map(|said| said.trim().to_owned())
    }

    /// `podman run -d`: a container; its id.
    ///
    /// # Errors
    /// With what podman said when it does not end with 0.
    pub fn run_detached(&self, name: &str, options: &[&str], line: &[&str]) -> Result<String> {
        let fixed = ["run", "--detach", "--name", name, "--cgroup-parent", &self.parent];
        self.podman(&[&fixed, options, &[image::NAME], line].concat())
    }

    /// Runs a command in a running container; its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn exec(&self, name: &str, line: &[&str]) -> Result<String> {
        self.podman(&[&["exec", name], line].concat())
    }

    /// A field of `podman inspect`, e.g. `.State.ConmonPid`.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn inspect(&self, name: &str, field: &str) -> Result<String> {
        self.podman(&["inspect", "--format", &format!("{{{{{field}}}}}"), name])
    }

    /// What `eth0` of a running container has, IPv4 first.
    ///
    /// # Errors
    /// When it does not run.
    pub fn addresses(&self, name: &str) -> Result<Vec<IpAddr>> {
        addresses_of(&self.inspect(name, ".State.Pid")?).with_context(|| name.to_owned())
    }
}

/// Whatever would look for systemd, a journal or a terminal's limits is turned off.
fn configuration() -> String {
    format!(
        r#"[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "cni"
cni_plugin_dirs = ["{PLUGINS}"]
network_config_dir = "{DIRECTORY}"
default_network = "{NETWORK}"
"#
    )
}

/// The network with ports published, by the name `published`.
fn published() -> Value {
    let mut list = conflist();
    list["name"] = json!("published");
    list["plugins"] = json!([
        { "type": "wireguard-cni", "capabilities": { "ips": true } },
        { "type": "portmap", "capabilities": { "portMappings": true } },
    ]);
    list
}
