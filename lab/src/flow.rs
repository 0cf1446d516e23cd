//! Traffic that goes on while something else happens: pings, and a TCP stream.

use std::io::Read;
use std::net::IpAddr;
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::netns::Netns;
use crate::vm::suite::guest;
use crate::wait;

/// Seconds between pings and bits per second of a stream: below what any device here
/// carries, so that packets are lost by faults and not by full queues.
const PACE: (&str, &str) = ("0.005", "20M");

/// The same where the processor is emulated.
const EMULATED_PACE: (&str, &str) = ("0.01", "2M");

fn pace() -> (&'static str, &'static str) {
    if guest::is_here() { EMULATED_PACE } else { PACE }
}

/// A child that is asked to end, and ended in any case.
#[derive(Debug)]
struct Running(Child);

impl Running {
    /// Asks it to end as a person at a terminal does, and returns what it said.
    fn interrupt(mut self) -> Result<String> {
        ensure!(self.0.try_wait()?.is_none(), "ended by itself: {}", self.said()?);
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGINT)?;
        let said = self.said()?;
        self.0.wait()?;
        Ok(said)
    }

    fn said(&mut self) -> Result<String> {
        let mut said = String::new();
        let stdout: &mut ChildStdout = self.0.stdout.as_mut().context("no output")?;
        stdout.read_to_string(&mut said)?;
        Ok(said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pings every few milliseconds.
#[derive(Debug)]
pub struct Pings(Running);

impl Pings {
    /// Starts 200 pings a second, half as many where the processor is emulated.
    ///
    /// # Errors
    /// When ping cannot be started.
    pub fn start(from: &Netns, to: IpAddr) -> Result<Self> {
        let mut ping = from.command("ping")?;
        ping.args(["-n", "-q", "-i", pace().0, &to.to_string()]);
        Ok(Self(Running(ping.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?)))
    }

    /// Ends them: how many were sent, and how many of those were not answered.
    ///
    /// # Errors
    /// When ping ended by itself, or says something else.
    pub fn end(self) -> Result<(u64, u64)> {
        let said = self.0.interrupt()?;
        let line = said.lines().find(|line| line.contains("packets transmitted"));
        let line = line.with_context(|| said.clone())?;
        let mut numbers = line.split(' ').filter_map(|word| word.parse::<u64>().ok());
        let (sent, received) = numbers.next().zip(numbers.next()).with_context(|| said.clone())?;
        // One may be on its way.
        Ok((sent, sent.saturating_sub(received + 1)))
    }
}

/// A TCP stream.
#[derive(Debug)]
pub struct Stream {
    client: Running,
    _server: Running,
}

impl Stream {
    /// Starts a stream that ends when it is told to.
    ///
    /// # Errors
    /// When iperf3 does not get through.
    pub fn start(from: &Netns, to: &Netns, address: IpAddr) -> Result<Self> {
        let address = address.to_string();
        let mut server = to.command("iperf3")?;
        server.args(["-s", "-B", &address]).stdin(Stdio::null());
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let server = Running(server.spawn().context("start iperf3")?);
        wait::until("iperf3 to listen", || {
            to.run(&["ss", "-Hltn", "sport", "=", ":5201"]).is_ok_and(|said| !said.is_empty())
        })?;
        let mut client = from.command("iperf3")?;
        client.args(["-c", &address, "-t", "600", "-i", "1", "-b", pace().1, "--forceflush"]);
        client.stdin(Stdio::null()).stdout(Stdio::piped());
        let client = Running(client.spawn().context("start iperf3")?);
        Ok(Self { client, _server: server })
    }

    /// Ends it: what went through in each second but the last, as iperf3 writes it.
    ///
    /// # Errors
    /// When it broke.
    pub fn end(self) -> Result<Vec<String>> {
        let said = self.client.interrupt()?;
        let seconds = said.lines().take_while(|line| !line.contains("- - - -"));
        let second = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| *word == "sec")?;
            Some(words.get(at + 1..at + 3)?.join(" "))
        };
        let mut seconds: Vec<String> = seconds.filter_map(second).collect();
        seconds.pop();
        ensure!(!seconds.is_empty(), "no second of traffic: {said}");
        Ok(seconds)
    }
}

/// Pings and a stream side by side, of which nothing may be lost.
#[derive(Debug)]
pub struct Traffic {
    pings: Vec<Pings>,
    stream: Stream,
}

impl Traffic {
    /// Starts both, over each family.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(from: &Netns, to: &Netns, addresses: [IpAddr; 2]) -> Result<Self> {
        let stream = Stream::start(from, to, addresses[0])?;
        let pings = addresses.into_iter().map(|address| Pings::start(from, address));
        Ok(Self { pings: pings.collect::<Result<_>>()?, stream })
    }

    /// Ends both.
    ///
    /// # Errors
    /// When a packet was lost, or the stream stood still for a second.
    pub fn end_without_loss(self) -> Result<()> {
        for pings in self.pings {
            let (sent, lost) = pings.end()?;
            ensure!(sent > 0 && lost == 0, "{lost} of {sent} packets were lost");
        }
        let seconds = self.stream.end()?;
        let still = seconds.iter().filter(|second| second.starts_with("0.00")).count();
        ensure!(still == 0, "{still} seconds without a byte: {seconds:?}");
        Ok(())
    }
}
