//! Listens to the underlay while traffic flows, and tells every packet apart as it
//! passes. Nothing is written to disk.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::netns::Netns;
use crate::packet::{Kind, Secret, classify};
use crate::underlay::BRIDGE;

/// Bytes kept of each packet: all headers and the beginning of the payload.
const SNAPSHOT: &str = "256";

/// Kernel buffer in KiB: a full second of traffic must not be dropped.
const BUFFER: &str = "131072";

/// How many packets in the clear are described.
const EXAMPLES: usize = 5;

/// What crossed the underlay.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    /// WireGuard messages.
    pub wireguard: u64,
    /// Packets of the control channel.
    pub control: u64,
    /// ARP and neighbour discovery.
    pub neighbour: u64,
    /// Packets in the clear.
    pub plain: u64,
    /// What the first of those were.
    pub examples: Vec<String>,
    /// Packets that passed too fast to be looked at.
    pub missed: u64,
}

impl Seen {
    /// Whether every packet was looked at, traffic flowed, and none was in the clear.
    pub fn proves_encryption(&self) -> bool {
        self.plain == 0 && self.missed == 0 && self.wireguard > 0
    }

    fn count(&mut self, kind: Kind) {
        match kind {
            Kind::Wireguard => self.wireguard += 1,
            Kind::Control => self.control += 1,
            Kind::Neighbour => self.neighbour += 1,
            Kind::Plain(what) => {
                self.plain += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push(what);
                }
            }
        }
    }
}

/// A running capture. Dropping it ends it.
#[derive(Debug)]
pub struct Capture {
    tcpdump: Child,
    reader: Option<JoinHandle<Result<Seen>>>,
    messages: BufReader<std::process::ChildStderr>,
}

impl Capture {
    /// Starts to listen on the bridge of an underlay.
    ///
    /// # Errors
    /// When tcpdump does not start.
    pub fn start(underlay: &Netns, secret: Secret) -> Result<Self> {
        let mut tcpdump = underlay
            .command("tcpdump")?
            .args(["-i", BRIDGE, "-n", "-U", "-s", SNAPSHOT, "-B", BUFFER, "-w", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start tcpdump")?;
        let stream = tcpdump.stdout.take().context("no pipe from tcpdump")?;
        let messages = tcpdump.stderr.take().context("no pipe from tcpdump")?;
        let reader =
            thread::spawn(move || read(BufReader::with_capacity(1 << 16, stream), &secret));
        let mut capture =
            Self { tcpdump, reader: Some(reader), messages: BufReader::new(messages) };
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            ensure!(capture.messages.read_line(&mut line)? > 0, "tcpdump ended");
        }
        Ok(capture)
    }

    /// Ends the capture.
    ///
    /// # Errors
    /// When what tcpdump wrote is not a capture of Ethernet frames.
    pub fn stop(mut self) -> Result<Seen> {
        // tcpdump empties the kernel's buffer once a second; not at its end.
        sleep(Duration::from_millis(1500));
        kill(Pid::from_raw(i32::try_from(self.tcpdump.id())?), Signal::SIGINT)?;
        let reader = self.reader.take().context("stopped already")?;
        let mut seen = reader.join().map_err(|_| anyhow!("the reader panicked"))??;
        let mut said = String::new();
        self.messages.read_to_string(&mut said)?;
        let dropped = said.lines().find_map(|line| line.strip_suffix(" packets dropped by kernel"));
        seen.missed = dropped.with_context(|| format!("tcpdump said: {said}"))?.parse()?;
        Ok(seen)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

/// Reads a capture file (microsecond format, this machine's byte order) to its end.
fn read(mut stream: impl Read, secret: &Secret) -> Result<Seen> {
    let mut header = [0; 24];
    stream.read_exact(&mut header).context("no capture")?;
    ensure!(word(&header, 0) == 0xa1b2_c3d4, "not a capture");
    ensure!(word(&header, 20) == 1, "not a capture of Ethernet frames");
    let mut seen = Seen::default();
    let mut record = [0; 16];
    while stream.read_exact(&mut record).is_ok() {
        let mut frame = vec![0; word(&record, 8) as usize];
        stream.read_exact(&mut frame)?;
        seen.count(classify(&frame, secret));
    }
    Ok(seen)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_ne_bytes(word)
}
