//! Named network namespaces, as `ip netns` knows them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns};

use crate::command::{checked, enter, words};

/// Where `ip netns` keeps its names.
pub const DIRECTORY: &str = "/run/netns";

/// A named network namespace. Dropping it does nothing: the lab takes it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes a namespace and brings its loopback up.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn create(name: &str) -> Result<Self> {
        let netns = Self::create_bare(name)?;
        netns.ip(&["link", "set", "lo", "up"])?;
        Ok(netns)
    }

    /// Makes a namespace as container runtimes do: loopback down.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn create_bare(name: &str) -> Result<Self> {
        checked(&mut words(&["ip", "netns", "add", name]))?;
        Ok(Self { name: name.to_owned() })
    }

    /// Names the namespace that a process is in.
    ///
    /// # Errors
    /// When the name is taken, or the process is gone.
    pub fn attach(name: &str, process: u32) -> Result<Self> {
        checked(&mut words(&["ip", "netns", "attach", name, &process.to_string()]))?;
        Ok(Self { name: name.to_owned() })
    }

    /// A namespace that exists.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The name, as `ip netns list` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that names it.
    pub fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.name)
    }

    /// The namespace's inode number, which `/proc/*/ns/net` shows too.
    ///
    /// # Errors
    /// When it is gone.
    pub fn inode(&self) -> Result<u64> {
        let path = self.path();
        let metadata = fs::metadata(&path).with_context(|| path.display().to_string())?;
        Ok(metadata.ino())
    }

    /// Takes the name away; the namespace goes with its last process and socket. No
    /// such name is as good.
    ///
    /// # Errors
    /// When the name stays.
    pub fn remove(&self) -> Result<()> {
        let removed = checked(&mut words(&["ip", "netns", "del", &self.name]));
        if self.path().exists() { removed.map(drop) } else { Ok(()) }
    }

    /// A command that will run in here.
    ///
    /// # Errors
    /// When the namespace is gone.
    pub fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(program);
        enter(&mut command, self.open()?, None);
        Ok(command)
    }

    /// Runs a program in here to its end and returns its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn run(&self, line: &[&str]) -> Result<String> {
        let (program, arguments) = line.split_first().context("no program")?;
        checked(self.command(program)?.args(arguments))
    }

    /// Runs `ip` in here.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        checked(self.command("ip")?.args(arguments))
    }

    /// Sets a sysctl in here, by its path below `/proc/sys`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys").join(key);
        self.within(|| fs::write(&path, value))?.with_context(|| format!("set {key} to {value}"))
    }

    /// Calls `act` on a thread inside the namespace: sockets that it opens belong
    /// here wherever they are used later.
    ///
    /// # Errors
    /// When the namespace is gone.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> Result<T> {
        let net = self.open()?;
        let inside = move || -> io::Result<T> {
            setns(&net, CloneFlags::CLONE_NEWNET)?;
            Ok(act())
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .map_err(|_| anyhow!("panicked inside {}", self.name))?
            .with_context(|| format!("enter {}", self.name))
    }

    fn open(&self) -> Result<File> {
        let path = self.path();
        File::open(&path).with_context(|| path.display().to_string())
    }
}
