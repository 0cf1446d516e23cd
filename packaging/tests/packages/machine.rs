//! A machine that systemd boots, of its own processes, files and network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wgcni_lab::guide;

/// Machines of this process so far: each has a name of its own.
static MACHINES: AtomicUsize = AtomicUsize::new(0);
const BOOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/boot.sh");

/// Where `scripts/test-packages.sh` put root and packages.
pub fn work() -> PathBuf {
    std::env::var_os("WGCNI_PACKAGES_DIR").expect("run by: make test-packages").into()
}

/// Powered off and forgotten when dropped.
pub struct Machine {
    boot: Child,
    init: i32,
    /// Where it is mounted; nothing of it is left afterwards.
    _dir: tempfile::TempDir,
}

impl Machine {
    /// Boots one. It has an address and a default route, as servers do.
    pub fn boot() -> Self {
        let machine = Self::bare("alder");
        machine.run(
            "ip link add uplink type veth peer name away
             ip address add 192.0.2.1/24 dev uplink
             ip link set away up; ip link set uplink up
             ip route add default via 192.0.2.254",
        );
        machine
    }

    /// Boots one without a network; the packages are in `/packages`, newer ones in `/newer`.
    pub fn bare(hostname: &str) -> Self {
        let (work, dir) = (work(), tempfile::tempdir().unwrap());
        let count = MACHINES.fetch_add(1, Ordering::Relaxed);
        let name = format!("wgcni-test-{}-{count}", std::process::id());
        let bind = |name: &str| format!("{}:/{name}", work.join(name).display());
        let mut command = Command::new("unshare");
        command.args(["--mount", BOOT, &name]).arg(work.join("root")).arg(dir.path());
        command.args([bind("packages"), bind("newer")]);
        let boot = command.stdin(Stdio::null()).spawn().unwrap();
        let mut machine = Self { boot, init: 0, _dir: dir };
        machine.init = machine.until("systemd runs", Self::find_init);
        machine.until("it is up", |it| it.succeeds("systemctl is-system-running").then_some(()));
        machine.run(&format!(
            "hostname {hostname}
             printf '%s\\n' 'APT::Get::Assume-Yes \"1\";' 'APT::Install-Recommends \"0\";' \
                 'Dpkg::Use-Pty \"0\";' >/etc/apt/apt.conf.d/test"
        ));
        machine
    }

    /// Process id of its systemd. `unshare` and the script become systemd-nspawn's parent.
    fn find_init(&self) -> Option<i32> {
        let nspawn =
            children(self.boot.id()).into_iter().find(|id| name_of(*id) == "systemd-nspawn")?;
        let init = children(nspawn).into_iter().find(|id| name_of(*id) == "systemd")?;
        i32::try_from(init).ok()
    }

    fn until<T>(&self, what: &str, ready: impl Fn(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(found) = ready(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "waited too long until {what}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Runs a script inside, in a directory, as root.
    pub fn command(&self, directory: &str, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--all", "env", "-i"]);
        command.args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]);
        command.args(["bash", "-euo", "pipefail", "-c"]);
        command.arg(format!("cd {directory}\n{script}")).stdin(Stdio::null());
        command
    }

    /// Standard output of a script that succeeds.
    pub fn run(&self, script: &str) -> String {
        self.run_in("/srv", script)
    }

    /// The same, in a directory.
    pub fn run_in(&self, directory: &str, script: &str) -> String {
        let output = self.command(directory, script).output().unwrap();
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script}\n{said}\n{complained}\n{}", self.journal());
        said
    }

    /// Process id of its systemd.
    pub fn id(&self) -> u32 {
        u32::try_from(self.init).unwrap()
    }

    /// Runs a script with `input` on its standard input.
    pub fn fed(&self, script: &str, input: &[u8]) -> Output {
        wgcni_lab::command::fed(&mut self.command("/srv", script), input).unwrap()
    }

    /// What both daemons wrote last.
    pub fn journal(&self) -> String {
        let script = "journalctl --no-pager -n 40 -u cluster-manager -u node-manager";
        self.command("/", script)
            .output()
            .map(|output: Output| text(&output.stdout))
            .unwrap_or_default()
    }

    /// Whether a script succeeds.
    pub fn succeeds(&self, script: &str) -> bool {
        let output = self.command("/srv", script).output().unwrap();
        output.status.success()
    }

    /// Waits until a script succeeds.
    pub fn wait(&self, script: &str) {
        self.until(script, |it| it.succeeds(script).then_some(()));
    }
}

impl guide::Machine for Machine {
    fn run(&self, commands: &str) -> anyhow::Result<String> {
        let done = self.fed(commands, b"");
        let (said, complained) = (text(&done.stdout), text(&done.stderr));
        anyhow::ensure!(done.status.success(), "{said}{complained}{}", self.journal());
        Ok(said)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.init != 0 {
            // Nothing in it is of worth: no need to shut down in order. With its first
            // process all others go.
            let _ = kill(Pid::from_raw(self.init), Signal::SIGKILL);
        }
        let _ = self.boot.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let list = fs::read_to_string(path).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn name_of(process: u32) -> String {
    let name = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("comm"));
    name.unwrap_or_default().trim().to_owned()
}
