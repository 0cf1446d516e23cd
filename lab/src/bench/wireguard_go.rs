//! A pair of hosts with a wireguard-go tunnel between them.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{checked, words};
use crate::host::Host;
use crate::lab::Lab;
use crate::process::Process;

/// Variable that names the program.
pub const VARIABLE: &str = "WGCNI_WIREGUARD_GO";

/// How to get the program.
pub const INSTALL: &str = "go install golang.zx2c4.com/wireguard@latest";

const DEVICE: &str = "wg0";

const KEY_FILE: &str = "/run/wgcni/key";

/// Addresses inside the tunnel.
const INSIDE: [&str; 2] = ["10.99.0.1", "10.99.0.2"];

/// Two hosts with a tunnel.
pub struct Pair {
    hosts: [Host; 2],
    _processes: [Process; 2],
}

impl Pair {
    /// Makes two hosts and the tunnel.
    ///
    /// # Errors
    /// When the program does not start.
    pub fn start(lab: &Lab, program: &Path) -> Result<Self> {
        let hosts = [lab.add_host("go-one")?, lab.add_host("go-two")?];
        let processes = [spawn(&hosts[0], program)?, spawn(&hosts[1], program)?];
        let keys = [make_key(&hosts[0])?, make_key(&hosts[1])?];
        for (own, other) in [(0, 1), (1, 0)] {
            configure(&hosts[own], INSIDE[own], &keys[other], &hosts[other])?;
        }
        Ok(Self { hosts, _processes: processes })
    }

    /// The two ends.
    pub fn hosts(&self) -> &[Host; 2] {
        &self.hosts
    }

    /// Address of the second end inside the tunnel.
    pub fn target() -> &'static str {
        INSIDE[1]
    }
}

/// Where the program is, if it is on this machine.
pub fn find() -> Option<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE) {
        return Some(path.into());
    }
    let gopath = checked(&mut words(&["go", "env", "GOPATH"])).ok()?;
    let path = Path::new(gopath.trim()).join("bin/wireguard");
    path.is_file().then_some(path)
}

fn spawn(host: &Host, program: &Path) -> Result<Process> {
    let mut command = host.command(program)?;
    command.args(["-f", DEVICE]);
    let mut process = host.spawn("wireguard-go", command)?;
    let socket = host.path("/run/wireguard").join(format!("{DEVICE}.sock"));
    process.wait_ready(|| socket.exists())?;
    Ok(process)
}

/// Makes a private key on a host and returns the public one.
fn make_key(host: &Host) -> Result<String> {
    host.write(KEY_FILE, &host.run(&["wg", "genkey"])?)?;
    host.run(&["wg", "set", DEVICE, "private-key", KEY_FILE, "listen-port", "51820"])?;
    let key = host.run(&["wg", "show", DEVICE, "public-key"])?;
    Ok(key.trim().to_owned())
}

fn configure(host: &Host, address: &str, peer: &str, other: &Host) -> Result<()> {
    let endpoint = format!("{}:51820", other.v4());
    let peer = ["wg", "set", DEVICE, "peer", peer, "allowed-ips", "10.99.0.0/24"];
    host.run(&[&peer[..], &["endpoint", &endpoint]].concat())?;
    host.run(&["ip", "address", "add", &format!("{address}/24"), "dev", DEVICE])?;
    host.run(&["ip", "link", "set", DEVICE, "mtu", "1420", "up"]).context("start the tunnel")?;
    Ok(())
}
