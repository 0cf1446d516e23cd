//! One run of a lab: underlay, outside, hosts; taken down as a whole.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Result;

use crate::clean::sweep;
use crate::host::Host;
use crate::netns::Netns;
use crate::registry::Run;
use crate::underlay::{INTERNET, OUTSIDE, Underlay, address_v4};

/// Host numbers below this are reserved.
const FIRST_HOST: u8 = 10;

/// A run. Dropping it takes everything down, also after a panic.
#[derive(Debug)]
pub struct Lab {
    run: Run,
    underlay: Underlay,
    outside: Host,
    next: AtomicU8,
}

impl Lab {
    /// Makes the underlay and the outside host.
    ///
    /// # Errors
    /// When this is not root, or the kernel refuses. Nothing is left then.
    pub fn new() -> Result<Self> {
        let run = Run::create()?;
        Self::build(&run).inspect_err(|_| drop(sweep(&run)))
    }

    fn build(run: &Run) -> Result<Self> {
        let underlay = Underlay::create(&run.name_of("underlay"))?;
        let outside = make_host(run, &underlay, "outside", OUTSIDE)?;
        let (v4, v6) = INTERNET;
        outside.netns().ip(&["address", "add", &format!("{v4}/32"), "dev", "lo"])?;
        outside.netns().ip(&["address", "add", &format!("{v6}/128"), "dev", "lo"])?;
        Ok(Self { run: run.clone(), underlay, outside, next: AtomicU8::new(FIRST_HOST) })
    }

    /// Adds a host to the underlay.
    ///
    /// # Errors
    /// When the name is taken or longer than 15 letters.
    pub fn add_host(&self, name: &str) -> Result<Host> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        make_host(&self.run, &self.underlay, name, number)
    }

    /// Connects the network namespace that a process is in, of a machine that was booted
    /// elsewhere, to the underlay; its IPv4 address.
    ///
    /// # Errors
    /// When the name is taken or longer than 15 letters, or the process is gone.
    pub fn connect(&self, name: &str, process: u32) -> Result<Ipv4Addr> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let netns = Netns::attach(&self.run.name_of(name), process)?;
        self.underlay.connect(name, &netns, number)?;
        Ok(address_v4(number))
    }

    /// Makes an empty namespace, as a container runtime does before it calls CNI.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn add_netns(&self, name: &str) -> Result<Netns> {
        Netns::create_bare(&self.run.name_of(name))
    }

    /// Takes a namespace's name away again.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove_netns(&self, name: &str) -> Result<()> {
        Netns::named(&self.run.name_of(name)).remove()
    }

    /// The run, which names everything.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Namespace of the bridge between the hosts.
    pub fn underlay(&self) -> &Netns {
        self.underlay.netns()
    }

    /// The host that plays the internet, default gateway of all others.
    pub fn outside(&self) -> &Host {
        &self.outside
    }

    /// Takes everything down now and says whether that worked.
    ///
    /// # Errors
    /// When something remains.
    pub fn take_down(&self) -> Result<()> {
        sweep(&self.run).map(drop)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.take_down() {
            eprintln!("lab {}: {error:#} (lab clean tries again)", self.run.id());
        }
    }
}

fn make_host(run: &Run, underlay: &Underlay, name: &str, number: u8) -> Result<Host> {
    let netns = Netns::create(&run.name_of(name))?;
    underlay.connect(name, &netns, number)?;
    Host::start(name, number, netns, &run.directory())
}
