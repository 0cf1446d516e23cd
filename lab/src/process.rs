//! Long-running programs with a log file each.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// A running program. Dropping it ends it at once.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts a command in the background; its outputs are appended to `log`.
    ///
    /// # Errors
    /// When the program or the log cannot be opened.
    pub fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = File::options().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in a terminal is for the lab, which ends its programs in order.
            .process_group(0);
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        Ok(Self { child, name, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far (and programs before it that had the same log).
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `ready` holds.
    ///
    /// # Errors
    /// With the end of the log when the program ends, or time is up, before that.
    pub fn wait_ready(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let mut ended = None;
        let waited = wait::until(&format!("{} to be ready", self.name), || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || ready()
        });
        match ended {
            Some(status) => bail!("{} ended early with {status}:\n{}", self.name, self.tail()),
            None => waited.with_context(|| self.tail()),
        }
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait()
    }

    /// Ends it at once (SIGKILL) and waits.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn kill(mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        self.wait()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for it to end by itself.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let mut status = None;
        wait::until(&format!("{} to end", self.name), || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })?;
        Ok(status.unwrap_or_else(|| ExitStatus::from_raw(0)))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id())?;
        kill(Pid::from_raw(id), signal).with_context(|| format!("signal {}", self.name))
    }

    /// The last lines of the log.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is as good; waiting keeps no zombie behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
