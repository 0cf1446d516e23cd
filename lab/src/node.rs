//! A host with a node-manager on it.

use std::fs;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::CONFLIST;
use crate::cni::Network;
use crate::command::{checked, fed};
use crate::host::Host;
use crate::metrics::Page;
use crate::process::Process;
use crate::{programs, rpc};

/// The mark of our routes.
const ROUTE_PROTOCOL: &str = "177";

/// Where the node-manager listens.
const SOCKET: &str = "/run/wgcni/node.sock";

/// A host with a node-manager.
#[derive(Debug)]
pub struct Node {
    daemon: Mutex<Option<Process>>,
    host: Host,
}

impl Node {
    /// A node that does not run yet.
    pub fn new(host: Host) -> Self {
        Self { daemon: Mutex::new(None), host }
    }

    /// Joins the cluster with a join string, which no other process sees.
    ///
    /// # Errors
    /// When it is not let in; with what it said.
    pub fn join(&self, join: &str) -> Result<String> {
        let mut command = self.host.command(programs::find("node-manager")?)?;
        let done = fed(command.args(["join", "-"]), join.as_bytes())?;
        let said = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        ensure!(done.status.success(), "node-manager join: {}", said.concat());
        Ok(said.concat())
    }

    /// Starts the node-manager and waits until ADD can work.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start(&self) -> Result<()> {
        self.start_from(&programs::find("node-manager")?)
    }

    /// The same from another file, as the host sees it.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start_from(&self, program: &Path) -> Result<()> {
        let mut command = self.host.command(program)?;
        command.arg("serve");
        let mut process = self.host.spawn("node-manager", command)?;
        let network = self.network()?;
        process.wait_ready(|| network.status().is_ok())?;
        *self.daemon() = Some(process);
        Ok(())
    }

    /// Ends the node-manager (SIGTERM).
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<()> {
        self.daemon().take().map_or(Ok(()), |process| process.stop().map(drop))
    }

    /// Ends the node-manager at once (SIGKILL).
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&self) -> Result<()> {
        self.daemon().take().map_or(Ok(()), |process| process.kill().map(drop))
    }

    /// Whether the node-manager was started and has ended since, or was never started.
    pub fn is_down(&self) -> bool {
        self.daemon().as_mut().is_none_or(Process::has_ended)
    }

    /// Runs `node-manager cleanup`.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn cleanup(&self) -> Result<String> {
        self.run(&["cleanup"])
    }

    /// Runs the node-manager's program to its end and returns its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.host.command(programs::find("node-manager")?)?;
        checked(command.args(arguments))
    }

    /// Calls a method of the node-manager.
    ///
    /// # Errors
    /// When it does not run, or answers with an error.
    pub fn call(&self, method: &str, request: &Value) -> Result<Value> {
        let mut stream = UnixStream::connect(self.host.path("/run/wgcni/node.sock"))?;
        rpc::call(&mut stream, method, request)
    }

    /// Runs `node-manager reclaim` with more arguments.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn reclaim(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.host.command(programs::find("node-manager")?)?;
        checked(command.arg("reclaim").args(arguments))
    }

    /// The node's host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// The node-manager's process id, while it runs.
    pub fn daemon_id(&self) -> Option<u32> {
        self.daemon().as_ref().map(Process::id)
    }

    /// The network that every node has.
    ///
    /// # Errors
    /// When its conflist is gone.
    pub fn network(&self) -> Result<Network<'_>> {
        Network::read(&self.host, CONFLIST)
    }

    /// What the node-manager says about itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        let mut stream = UnixStream::connect(self.host.path(SOCKET))?;
        rpc::call(&mut stream, "wgcni.node.v1.AttachmentService/Status", &json!({}))
    }

    /// What the node-manager says of itself in numbers.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metrics(&self) -> Result<Page> {
        Page::get(&mut UnixStream::connect(self.host.path(SOCKET))?)
    }

    /// Public keys of the node's mesh peers.
    ///
    /// # Errors
    /// When there is no mesh device.
    pub fn mesh_peers(&self) -> Result<Vec<String>> {
        let peers = self.host.run(&["wg", "show", "wgmesh0", "peers"])?;
        Ok(peers.lines().map(str::to_owned).collect())
    }

    /// The node's own overlay addresses, IPv4 first.
    ///
    /// # Errors
    /// When there is no hub device, or not one address of each family on it.
    pub fn addresses(&self) -> Result<[IpAddr; 2]> {
        let text = self.host.run(&["ip", "-j", "address", "show", "wghub0", "scope", "global"])?;
        let links: Value = serde_json::from_str(&text)?;
        let own = |family: &str| {
            let all = links[0]["addr_info"].as_array()?;
            let one = all.iter().find(|address| address["family"] == family)?;
            one["local"].as_str()?.parse().ok()
        };
        let both = own("inet").zip(own("inet6")).with_context(|| format!("{text} lacks one"))?;
        Ok([both.0, both.1])
    }

    /// The routes that carry our mark, as `ip route` prints them.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn routes(&self) -> Result<Vec<String>> {
        let show = ["route", "show", "proto", ROUTE_PROTOCOL];
        let v4 = self.host.netns().ip(&show)?;
        let v6 = self.host.netns().ip(&[&["-6"], &show[..]].concat())?;
        Ok(v4.lines().chain(v6.lines()).map(str::to_owned).collect())
    }

    /// Public keys of the node's containers, each with its allowed IPs.
    ///
    /// # Errors
    /// When there is no hub device.
    pub fn hub_peers(&self) -> Result<Vec<(String, Vec<String>)>> {
        let lines = self.host.run(&["wg", "show", "wghub0", "allowed-ips"])?;
        let peer = |line: &str| {
            let (key, addresses) = line.split_once('\t')?;
            let addresses = addresses.split(' ').map(str::to_owned).collect();
            Some((key.to_owned(), addresses))
        };
        Ok(lines.lines().filter_map(peer).collect())
    }

    fn daemon(&self) -> MutexGuard<'_, Option<Process>> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node-manager's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.host.log_of("node-manager")).unwrap_or_default()
    }
}
