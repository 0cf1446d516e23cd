//! Traffic that goes on while something else happens: pings, and a TCP stream.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::netns::Netns;
use crate::vm::suite::guest;
use crate::wait;

/// Seconds between pings and bits per second of a stream: below what any device here
/// carries, so that packets are lost by faults and not by full queues.
const PACE: (&str, &str) = ("0.005", "20M");

/// The same where the processor is emulated.
const EMULATED_PACE: (&str, &str) = ("0.02", "1M");

fn pace() -> (&'static str, &'static str) {
    if guest::is_here() { EMULATED_PACE } else { PACE }
}

/// A child that is asked to end, and ended in any case.
#[derive(Debug)]
struct Running(Child);

impl Running {
    /// Asks it to end as a person at a terminal does; returns what it said, unless somebody
    /// else reads that.
    fn interrupt(mut self) -> Result<String> {
        let ended = self.0.try_wait()?;
        if ended.is_none() {
            kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGINT)?;
        }
        let said = self.0.stdout.take().map_or_else(|| Ok(String::new()), io::read_to_string)?;
        self.0.wait()?;
        ensure!(ended.is_none(), "ended by itself: {said}");
        Ok(said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pings under way, until they are ended or dropped.
#[derive(Debug)]
pub struct Pings {
    ping: Running,
    said: JoinHandle<io::Result<String>>,
}

impl Pings {
    /// Starts 200 pings a second, a quarter as many where the processor is emulated.
    ///
    /// # Errors
    /// When ping cannot be started.
    pub fn start(from: &Netns, to: IpAddr) -> Result<Self> {
        let mut ping = from.command("ping")?;
        ping.args(["-n", "-i", pace().0, &to.to_string()]);
        let mut ping = Running(ping.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        // A pipe that nobody reads holds a few seconds of answers.
        let stdout = ping.0.stdout.take().context("no output")?;
        Ok(Self { ping, said: thread::spawn(|| io::read_to_string(stdout)) })
    }

    /// Ends them.
    ///
    /// # Errors
    /// When a packet was lost, or ping ended by itself.
    pub fn end_without_loss(self) -> Result<()> {
        self.ping.interrupt()?;
        let said = self.said.join().map_err(|_| anyhow!("the reader panicked"))??;
        let lost = lost(&said).with_context(|| said.clone())?;
        ensure!(lost.is_empty(), "these packets were lost: {lost:?}");
        Ok(())
    }
}

/// Numbers of the packets that were not answered, by what ping said; `None` when that is
/// something else. Those after the last answer were under way when ping ended, if there are
/// few.
pub fn lost(said: &str) -> Option<Vec<u64>> {
    const UNDER_WAY: u64 = 20;
    let answered = |line: &str| {
        let (_, rest) = line.split_once("icmp_seq=")?;
        let number = rest.split(' ').next()?.parse().ok()?;
        // Errors of routers on the way have a number, but no time.
        rest.contains("time=").then_some(number)
    };
    let answered: BTreeSet<u64> = said.lines().filter_map(answered).collect();
    let (sent, _) = said.split_once(" packets transmitted")?;
    let sent: u64 = sent.rsplit('\n').next()?.parse().ok()?;
    let last = answered.last().copied().unwrap_or_default();
    let last = if sent - last <= UNDER_WAY { last } else { sent };
    Some((1..=last).filter(|number| !answered.contains(number)).collect())
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
        // Its usual blocks are a second's worth of the slower pace.
        client.args(["-c", &address, "-t", "600", "-i", "1", "-b", pace().1, "-l", "8K"]);
        client.arg("--forceflush");
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
        self.pings.into_iter().try_for_each(Pings::end_without_loss)?;
        let seconds = self.stream.end()?;
        let still = seconds.iter().filter(|second| second.starts_with("0.00")).count();
        ensure!(still == 0, "{still} seconds without a byte: {seconds:?}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::lost;

    fn said(answered: impl IntoIterator<Item = u64>, sent: u64) -> String {
        let answer = |n| format!("64 bytes from 192.0.2.1: icmp_seq={n} ttl=64 time=0.05 ms\n");
        let answers: String = answered.into_iter().map(answer).collect();
        format!("PING 192.0.2.1\n{answers}\n--- statistics ---\n{sent} packets transmitted, x\n")
    }

    #[test]
    fn a_gap_is_a_loss_and_what_is_under_way_at_the_end_is_not() {
        assert_eq!(lost(&said(1..=9, 9)), Some(vec![]));
        assert_eq!(lost(&said(1..=9, 12)), Some(vec![]));
        assert_eq!(lost(&said((1..=9).filter(|n| n % 4 != 0), 10)), Some(vec![4, 8]));
        let silent = Some((10..=100).collect());
        assert_eq!(lost(&said(1..=9, 100)), silent, "silence is not under way");
        assert_eq!(lost(&said([], 60)), Some((1..=60).collect()));
        let refused = "From 192.0.2.9 icmp_seq=2 Destination Net Unreachable\n";
        assert_eq!(lost(&(refused.to_owned() + &said([1, 3], 3))), Some(vec![2]));
        assert_eq!(lost("ping: unknown"), None);
    }
}
