//! A host: a named network namespace, and a private mount namespace with empty
//! directories where our programs keep their things.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use crate::command::{checked, enter};
use crate::crash::Faults;
use crate::netns::Netns;
use crate::process::Process;
use crate::registry;
use crate::underlay;
use crate::wait;

/// What every host has of its own, empty at first.
pub const MOUNT_POINTS: [&str; 5] =
    ["/run/wgcni", "/run/wireguard", "/var/lib/wgcni", "/etc/wgcni", "/etc/cni"];

const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// A machine of the lab.
#[derive(Debug)]
pub struct Host {
    name: String,
    number: u8,
    netns: Netns,
    holder: Process,
    logs: PathBuf,
    /// Whether programs are told where their fault points look.
    faults: AtomicBool,
}

impl Host {
    /// Gives a namespace its mounts. A process that only sleeps holds them.
    ///
    /// # Errors
    /// When the kernel refuses a mount.
    pub fn start(name: &str, number: u8, netns: Netns, logs: &Path) -> Result<Self> {
        let mut command = Command::new("sleep");
        command.arg0(format!("{}-holder", netns.name())).arg("infinity");
        enter(&mut command, File::open(netns.path())?, None);
        mount_private(&mut command);
        let holder = Process::spawn(command, &logs.join(format!("{name}-holder.log")))?;
        let host = Self {
            name: name.to_owned(),
            number,
            netns,
            holder,
            logs: logs.to_owned(),
            faults: AtomicBool::new(false),
        };
        // Between fork and exec it has the lab's own command line.
        let line = format!("/proc/{}/cmdline", host.holder.id());
        wait::until("the host's mounts", || {
            fs::read_to_string(&line).is_ok_and(|line| line.starts_with(host.netns.name()))
        })?;
        Ok(host)
    }

    /// Short name, unique in the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host's network namespace.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// IPv4 address on the underlay.
    pub fn v4(&self) -> Ipv4Addr {
        underlay::address_v4(self.number)
    }

    /// IPv6 address on the underlay.
    pub fn v6(&self) -> Ipv6Addr {
        underlay::address_v6(self.number)
    }

    /// Where this process finds a file of the host.
    pub fn path(&self, inside: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(inside.trim_start_matches('/'))
    }

    /// Puts an empty directory of the host's own in the place of each of these.
    ///
    /// # Errors
    /// When one can neither be found nor made on the machine.
    pub fn cover(&self, directories: &[&str]) -> Result<()> {
        registry::make_directories(directories)?;
        let mounts = self.mounts()?;
        let inside = || -> io::Result<()> {
            // Only a thread with a root directory of its own may change it.
            unshare(CloneFlags::CLONE_FS)?;
            setns(&mounts, CloneFlags::CLONE_NEWNS)?;
            Ok(directories.iter().try_for_each(|directory| mount_empty(directory))?)
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .map_err(|_| anyhow!("panicked inside {}", self.name))?
            .with_context(|| format!("mount over {directories:?}"))
    }

    /// Writes a file of the host, with the directories above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, inside: &str, content: &str) -> Result<()> {
        let path = self.path(inside);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        fs::write(&path, content).with_context(|| path.display().to_string())
    }

    /// A command that will run on the host.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn command(&self, program: impl AsRef<Path>) -> Result<Command> {
        let mut command = Command::new(program.as_ref());
        enter(&mut command, File::open(self.netns.path())?, Some(self.mounts()?));
        command.envs(self.variables(program.as_ref()));
        Ok(command)
    }

    /// Lets the fault points of a program of ours be armed and traced from now on, where
    /// it has some.
    pub fn faults(&self, program: &str) -> Faults {
        self.faults.store(true, Ordering::Relaxed);
        Faults::at(&self.logs, &format!("{}-{program}", self.name))
    }

    /// What programs find in their environment on this host.
    pub fn variables(&self, program: &Path) -> Vec<(&'static str, OsString)> {
        match program.file_name() {
            Some(name) if self.faults.load(Ordering::Relaxed) => {
                let name = format!("{}-{}", self.name, name.to_string_lossy());
                Faults::at(&self.logs, &name).variables()
            }
            _ => Vec::new(),
        }
    }

    /// Runs a program to its end and returns its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn run(&self, line: &[&str]) -> Result<String> {
        let (program, arguments) = line.split_first().context("no program")?;
        checked(self.command(program)?.args(arguments))
    }

    /// Starts a program in the background; `what` names its log.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, what: &str, command: Command) -> Result<Process> {
        Process::spawn(command, &self.log_of(what))
    }

    /// File of a background program's output.
    pub fn log_of(&self, what: &str) -> PathBuf {
        self.logs.join(format!("{}-{what}.log", self.name))
    }

    fn mounts(&self) -> io::Result<File> {
        File::open(format!("/proc/{}/ns/mnt", self.holder.id()))
    }

    /// Command line that opens a shell on this host.
    pub fn shell(&self) -> String {
        format!("nsenter --net --mount --target {} bash", self.holder.id())
    }
}

/// Makes a command start in a mount namespace of its own: changes of the machine
/// come in (names in `/run/netns`), none goes out, `/sys` shows its own network and the
/// machine's control groups.
#[allow(unsafe_code)]
fn mount_private(command: &mut Command) {
    let prepare = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let slave = MsFlags::MS_REC | MsFlags::MS_SLAVE;
        mount(None::<&str>, "/", None::<&str>, slave, None::<&str>)?;
        let aside = MOUNT_POINTS[0];
        let bind = MsFlags::MS_REC | MsFlags::MS_BIND;
        mount(Some(CONTROL_GROUPS), aside, None::<&str>, bind, None::<&str>)?;
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>)?;
        mount(Some(aside), CONTROL_GROUPS, None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
        Ok(MOUNT_POINTS.into_iter().try_for_each(mount_empty)?)
    };
    // SAFETY: runs between fork and exec and makes only system calls; the paths are
    // short constants, which nix copies to the stack.
    unsafe { command.pre_exec(prepare) };
}

fn mount_empty(target: &str) -> nix::Result<()> {
    mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
}
