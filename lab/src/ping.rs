//! Pings between containers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::container::Container;

/// One way from a container to another over one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Name of the sender.
    pub from: String,
    /// Name of the receiver.
    pub to: String,
    /// Address of the receiver.
    pub address: IpAddr,
    /// Whether it answered.
    pub reachable: bool,
}

/// Pings an address from a container; the payload repeats `marker`.
///
/// # Errors
/// When ping cannot be started.
pub fn reaches(from: &Container, address: IpAddr, marker: &[u8; 16]) -> Result<bool> {
    let pattern = format!("{:032x}", u128::from_be_bytes(*marker));
    let mut command = from.command("ping")?;
    command.args(["-n", "-q", "-c", "2", "-i", "0.2", "-W", "3", "-p", &pattern]);
    let output = command.arg(address.to_string()).output()?;
    Ok(output.status.success())
}

/// Pings under way, 100 a second, until they are stopped or dropped.
#[derive(Debug)]
pub struct Pings {
    ping: Child,
    answered: Option<JoinHandle<BTreeSet<u64>>>,
}

impl Pings {
    /// Starts to ping an address from a container.
    ///
    /// # Errors
    /// When ping cannot be started.
    pub fn start(from: &Container, address: IpAddr) -> Result<Self> {
        let mut command = from.command("ping")?;
        command.args(["-n", "-i", "0.01", &address.to_string()]).stdout(Stdio::piped());
        let mut ping = command.spawn()?;
        let lines = BufReader::new(ping.stdout.take().context("no output")?).lines();
        let sequence = |line: String| {
            let (_, rest) = line.split_once("icmp_seq=")?;
            rest.split(' ').next()?.parse().ok().filter(|_| line.contains("time="))
        };
        let read = move || lines.map_while(Result::ok).filter_map(sequence).collect();
        Ok(Self { ping, answered: Some(thread::spawn(read)) })
    }

    /// Ends them; says how many were sent, and how many of these were not answered. One
    /// that is still under way does not count.
    ///
    /// # Errors
    /// When ping does not end.
    pub fn stop(mut self) -> Result<(u64, u64)> {
        kill(Pid::from_raw(i32::try_from(self.ping.id())?), Signal::SIGINT)?;
        self.ping.wait()?;
        let answered = self.answered.take().context("stopped already")?.join();
        let answered = answered.map_err(|_| anyhow::anyhow!("the reader panicked"))?;
        let sent = answered.last().copied().unwrap_or_default();
        Ok((sent, sent - answered.len() as u64))
    }
}

impl Drop for Pings {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.ping.kill();
        let _ = self.ping.wait();
    }
}

/// Pings every ordered pair over both families, all senders at once; calls `told`
/// after each path.
///
/// # Errors
/// When ping cannot be started.
pub fn every_pair(
    containers: &[Container],
    marker: &[u8; 16],
    told: &(impl Fn(&Path) + Sync),
) -> Result<Vec<Path>> {
    let from_one = |from: &Container| -> Result<Vec<Path>> {
        let mut paths = Vec::new();
        for to in containers.iter().filter(|to| to.name() != from.name()) {
            for address in to.addresses() {
                let path = Path {
                    from: from.name().to_owned(),
                    to: to.name().to_owned(),
                    address,
                    reachable: reaches(from, address, marker)?,
                };
                told(&path);
                paths.push(path);
            }
        }
        Ok(paths)
    };
    thread::scope(|scope| {
        let senders: Vec<_> =
            containers.iter().map(|from| scope.spawn(move || from_one(from))).collect();
        let mut all = Vec::new();
        for sender in senders {
            let paths = sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?;
            all.extend(paths?);
        }
        Ok(all)
    })
}
