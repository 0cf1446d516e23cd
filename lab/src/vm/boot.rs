//! A running machine and what it prints.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Leases;
use super::guest::{ALL_LISTED, KEPT, LEASED};
use super::image::Image;
use crate::lab::Lab;

/// An emulated machine boots within seconds; a busy one may take its time.
const PATIENCE: Duration = Duration::from_mins(3);

/// A machine. Dropping it cuts its power.
#[derive(Debug)]
pub struct Machine {
    qemu: Child,
    console: Receiver<String>,
    seen: Vec<String>,
}

impl Machine {
    /// Starts a machine; `round` names the leases that its clients ask for.
    ///
    /// # Errors
    /// When qemu cannot be started.
    pub fn boot(lab: &Lab, image: &Image, round: u32) -> Result<Self> {
        let mut qemu = command(lab, image, round)?.spawn().context("start qemu-system-x86_64")?;
        let output = BufReader::new(qemu.stdout.take().context("no console")?);
        let (sender, console) = channel();
        thread::spawn(move || read(output, &sender));
        Ok(Self { qemu, console, seen: Vec::new() })
    }

    /// Waits until the cluster-manager runs, and returns the leases that it has.
    ///
    /// # Errors
    /// When it does not get that far.
    pub fn list(&mut self) -> Result<Leases> {
        let mut kept = Leases::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.next(deadline)?;
            if line == ALL_LISTED {
                return Ok(kept);
            }
            kept.extend(lease(&line, KEPT));
        }
    }

    /// Lets clients lease for a while after the first answer, then cuts the power, and
    /// returns what was acknowledged.
    ///
    /// # Errors
    /// When there is no first answer.
    pub fn load_then_cut(mut self, duration: Duration) -> Result<Leases> {
        let mut leased = Leases::new();
        let mut deadline = Instant::now() + PATIENCE;
        while leased.is_empty() {
            leased.extend(lease(&self.next(deadline)?, LEASED));
        }
        deadline = Instant::now() + duration;
        loop {
            match self.console.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => leased.extend(lease(&line, LEASED)),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => bail!("ended early: {}", self.tail()),
            }
        }
        self.qemu.kill()?;
        self.qemu.wait()?;
        leased.extend(self.console.iter().filter_map(|line| lease(&line, LEASED)));
        Ok(leased)
    }

    fn next(&mut self, deadline: Instant) -> Result<String> {
        match self.console.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(line)
            }
            Err(why) => bail!("the machine said nothing more ({why}): {}", self.tail()),
        }
    }

    fn tail(&self) -> String {
        self.seen[self.seen.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn command(lab: &Lab, image: &Image, round: u32) -> Result<Command> {
    let append = format!("console=ttyS0 quiet panic=-1 round={round}");
    let drive = format!("file={},format=raw,if=virtio,cache=writeback", image.disk.display());
    // Inside the lab so that it is found when this process is killed.
    let mut command = lab.underlay().command("qemu-system-x86_64")?;
    command
        .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1", "-m", "512"])
        .args(["-nographic", "-no-reboot", "-nic", "none", "-append", &append])
        .args(["-drive", &drive])
        .arg("-kernel")
        .arg(&image.kernel)
        .arg("-initrd")
        .arg(&image.initramfs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
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

/// `LEASED node prefixes` → (node, prefixes).
fn lease(line: &str, verb: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let found = (words.next()? == verb).then(|| Some((words.next()?, words.next()?)))?;
    found.map(|(node, prefixes)| (node.to_owned(), prefixes.to_owned()))
}
