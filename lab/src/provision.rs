//! Hosts of a lab that `deploy/vagrant/provision.sh` makes machines of a cluster, as it makes
//! virtual ones: programs in a directory of their own, daemons in the background.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::guide::{Machine, Shell};
use crate::host::Host;
use crate::lab::Lab;
use crate::programs;

/// Where a machine of the lab has what packages would bring, and its logs.
pub const PROGRAMS: &str = "/opt/wgcni-lab";

/// What stands in for systemd in guides: its words for starting and stopping a daemon.
const SYSTEMCTL: &str = r#"
systemctl() {
    local file=$LAB_LOGS/$2.pid
    case $1 in
        stop | restart)
            kill "$(cat "$file")"
            while kill -0 "$(cat "$file")" 2>/dev/null; do sleep 0.05; done
            rm "$file"
            ;;
    esac
    case $1 in
        start | restart)
            setsid "$2" serve >>"$LAB_LOGS/$2.log" 2>&1 </dev/null &
            echo $! >"$file"
            ;;
    esac
}
"#;

/// A machine that `provision.sh` has put programs on.
#[derive(Debug)]
pub struct Provisioned<'a> {
    host: &'a Host,
    shell: Shell<'a>,
}

impl<'a> Provisioned<'a> {
    /// Puts programs on a host.
    ///
    /// # Errors
    /// With what the script said.
    pub fn new(lab: &Lab, host: &'a Host) -> Result<Self> {
        host.cover(&[PROGRAMS])?;
        let functions = format!("{PROGRAMS}/functions.sh");
        host.write(&functions, SYSTEMCTL)?;
        let path = std::env::var("PATH").unwrap_or_default();
        let shell = Shell::new(host)
            .with("PATH", format!("{PROGRAMS}/bin:{path}"))
            .with("BASH_ENV", functions)
            .with("LAB_FROM", programs::directory()?.to_string_lossy())
            .with("LAB_BIN", format!("{PROGRAMS}/bin"))
            .with("LAB_CNI_BIN", format!("{PROGRAMS}/cni"))
            .with("LAB_LOGS", format!("{PROGRAMS}/log"))
            .with("LAB_JOIN", format!("{PROGRAMS}/join"))
            .with("LAB_START", "background")
            .with("LAB_ADDRESS", host.v4().to_string())
            .with("LAB_BOX", lab.run().name_of(&format!("box-{}", host.name())));
        let machine = Self { host, shell };
        fs::create_dir_all(host.path(&format!("{PROGRAMS}/log")))?;
        machine.step("install")?;
        Ok(machine)
    }

    /// Runs a step of the script.
    ///
    /// # Errors
    /// With what it said, and the daemons' logs.
    pub fn step(&self, step: &str) -> Result<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/vagrant/provision.sh");
        self.run(&format!("{} {step}", script.canonicalize()?.display()))
    }

    /// Makes a machine a node of the cluster that `server` serves, with a box on it.
    ///
    /// # Errors
    /// With what the script said.
    pub fn join(&self, server: &Provisioned) -> Result<()> {
        self.host.write(&format!("{PROGRAMS}/join"), &server.step("ticket")?)?;
        self.step("node")?;
        self.step("box").map(drop)
    }

    /// Process id of a daemon that the script started, as the script wrote it down.
    ///
    /// # Errors
    /// When it started none.
    pub fn daemon(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(self.host.path(&format!("{PROGRAMS}/log/{name}.pid")))?)
    }

    /// The host.
    pub fn host(&self) -> &'a Host {
        self.host
    }

    fn logs(&self) -> String {
        let logs = ["cluster-manager", "node-manager"].map(|name| {
            let path = self.host.path(&format!("{PROGRAMS}/log/{name}.log"));
            fs::read_to_string(path).unwrap_or_default()
        });
        logs.concat()
    }
}

impl Machine for Provisioned<'_> {
    fn run(&self, commands: &str) -> Result<String> {
        self.shell.run(commands).map_err(|error| error.context(self.logs()))
    }
}
