//! A running machine and what it prints.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::image::Files;
use crate::lab::Lab;

/// Lines of the console that an error repeats.
const TAIL: usize = 60;

/// What a machine is made of.
#[derive(Debug, Clone)]
pub struct Hardware {
    /// Processors; each is a thread here.
    pub processors: u32,
    /// Memory in MiB. The root lies in it, too.
    pub memory: u32,
    /// The file that is its disk.
    pub disk: Option<PathBuf>,
}

/// A machine. Dropping it cuts its power.
#[derive(Debug)]
pub struct Machine {
    qemu: Child,
    console: Receiver<String>,
    seen: Vec<String>,
}

impl Machine {
    /// Starts a machine; `argument` is for its task, on the kernel's command line.
    ///
    /// # Errors
    /// When qemu cannot be started.
    pub fn boot(lab: &Lab, files: &Files, hardware: &Hardware, argument: &str) -> Result<Self> {
        let mut command = command(lab, files, hardware, argument)?;
        let mut qemu = command.spawn().context("start qemu-system-x86_64")?;
        let output = BufReader::new(qemu.stdout.take().context("no console")?);
        let (sender, console) = channel();
        thread::spawn(move || read(output, &sender));
        Ok(Self { qemu, console, seen: Vec::new() })
    }

    /// The next line of the console; `None` when there is none before the deadline.
    ///
    /// # Errors
    /// When the machine has ended.
    pub fn line(&mut self, deadline: Instant) -> Result<Option<String>> {
        match self.console.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the machine ended:\n{}", self.tail()),
        }
    }

    /// Cuts the power; returns the lines that the machine could still print.
    ///
    /// # Errors
    /// When qemu does not end.
    pub fn cut(mut self) -> Result<Vec<String>> {
        self.qemu.kill()?;
        self.qemu.wait()?;
        Ok(self.console.iter().collect())
    }

    /// The last lines that were read.
    pub fn tail(&self) -> String {
        self.seen[self.seen.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn command(lab: &Lab, files: &Files, hardware: &Hardware, argument: &str) -> Result<Command> {
    // Inside the lab so that it is found when this process is killed.
    let mut command = lab.underlay().command("qemu-system-x86_64")?;
    command
        .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-nographic", "-no-reboot"])
        .args(["-smp", &hardware.processors.to_string(), "-m", &hardware.memory.to_string()])
        .args(["-nic", "none", "-append", &format!("console=ttyS0 quiet panic=-1 {argument}")])
        .arg("-kernel")
        .arg(&files.kernel)
        .arg("-initrd")
        .arg(&files.initramfs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(disk) = &hardware.disk {
        let drive = format!("file={},format=raw,if=virtio,cache=writeback", disk.display());
        command.args(["-drive", &drive]);
    }
    Ok(command)
}

/// Passes the console on, line by line.
fn read(output: impl BufRead, sender: &Sender<String>) {
    for line in output.split(b'\n').map_while(std::result::Result::ok) {
        // A line without its end was cut off with the power: nobody was told.
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some(line) = line.strip_suffix('\r') else {
            continue;
        };
        if sender.send(line.to_owned()).is_err() {
            return;
        }
    }
}
