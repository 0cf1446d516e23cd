//! Tests of ours that run in a virtual machine as they run here, but on Debian's kernel,
//! which has WireGuard.

pub mod guest;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};

use super::{Hardware, Image, Machine};
use crate::command::checked;
use crate::lab::Lab;

/// The guest's list of tests.
const LIST: &str = "tests";

/// All tests take less than three minutes on two quiet processors.
const PATIENCE: Duration = Duration::from_mins(15);

/// What tests and our programs start. Busybox's shell would run its own applets instead of
/// some of these.
const TOOLS: [&str; 15] = [
    "ip",
    "ip6tables",
    "ip6tables-restore",
    "ip6tables-save",
    "iperf3",
    "iptables",
    "iptables-restore",
    "iptables-save",
    "ping",
    "ps",
    "sh",
    "sleep",
    "ss",
    "tcpdump",
    "wg",
];

/// Extensions of iptables, what protocols are called, and tcpdump's user.
const FILES: [&str; 4] =
    ["/etc/group", "/etc/passwd", "/etc/protocols", "/usr/lib/x86_64-linux-gnu/xtables"];

/// What the kernel loads when it is asked for.
const MODULES: [&str; 8] = [
    "drivers/net/tun.ko",
    "drivers/net/veth.ko",
    "drivers/net/wireguard/wireguard.ko",
    "net/bridge/bridge.ko",
    "net/ipv4/netfilter/",
    "net/ipv6/netfilter/",
    "net/netfilter/",
    "net/sched/sch_netem.ko",
];

/// A test, by the name of its executable and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    /// A file of `lab/tests`.
    pub executable: &'static str,
    /// As the executable lists it.
    pub name: &'static str,
    /// Whether none may run beside it.
    pub alone: bool,
}

/// How tests ended, by name; one that is missing did not end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Seconds that a passed test took, or what a failed one printed.
    pub outcomes: BTreeMap<String, Result<String, String>>,
    /// The end of the console.
    pub tail: String,
}

/// Boots a machine and runs tests in it: those first that want to be alone.
///
/// # Errors
/// When there is no machine, or an executable is missing.
pub fn run(tests: &[Test]) -> Result<Report> {
    let lab = Lab::new()?;
    let files = image(&lab.run().directory(), tests)?.pack()?;
    let hardware = Hardware { processors: 2, memory: 1024, disk: None };
    let mut machine = Machine::boot(&lab, &files, &hardware, "")?;
    let deadline = Instant::now() + PATIENCE;
    let mut report = Report::default();
    while let Ok(Some(line)) = machine.line(deadline) {
        if line == guest::DONE {
            break;
        }
        read(&line, &mut report);
    }
    report.tail = machine.tail();
    Ok(report)
}

/// Puts a line of the console where it belongs.
fn read(line: &str, report: &mut Report) {
    let mut words = line.splitn(3, ' ');
    let (verb, name, rest) = (words.next(), words.next(), words.next());
    let (Some(verb), Some(name)) = (verb, name) else { return };
    let rest = rest.unwrap_or_default();
    match verb {
        guest::PASSED => {
            report.outcomes.insert(name.to_owned(), Ok(rest.to_owned()));
        }
        guest::FAILED => {
            let said = report.outcomes.entry(name.to_owned()).or_insert(Err(String::new()));
            if let Err(said) = said {
                said.push_str(rest);
                said.push('\n');
            }
        }
        _ => {}
    }
}

fn image(directory: &Path, tests: &[Test]) -> Result<Image> {
    let image = Image::new(directory, include_str!("task.sh"))?;
    image.add_ours(&["cluster-manager", "lab", "node-manager", "wireguard-cni"])?;
    image.add_tools(&TOOLS)?;
    for path in FILES {
        image.add_path(path)?;
    }
    image.add_modules(&MODULES)?;
    let executables: BTreeSet<&str> = tests.iter().map(|test| test.executable).collect();
    for name in executables {
        let known = tests.iter().filter(|test| test.executable == name).map(|test| test.name);
        image.add_executable(&executable(name, &known.collect::<Vec<_>>())?, name)?;
    }
    image.write(LIST, &guest::list(tests))?;
    Ok(image)
}

/// The newest test executable of that name that has these tests. Cargo keeps them beside
/// this one, with those of other packages and older ones.
fn executable(name: &str, tests: &[&str]) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let directory = own.parent().context("an executable without a directory")?;
    let hash = |file: &Path| {
        let file = file.file_name()?.to_str()?;
        let hash = file.strip_prefix(name)?.strip_prefix('-')?;
        hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())
    };
    let entries = fs::read_dir(directory)?.flatten().map(|entry| entry.path());
    let mut found: Vec<(SystemTime, PathBuf)> = entries
        .filter(|file| hash(file).is_some())
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file)))
        .collect();
    found.sort();
    let has_all = |file: &PathBuf| {
        let listed = checked(Command::new(file).arg("--list")).unwrap_or_default();
        tests.iter().all(|test| listed.contains(&format!("{test}: test\n")))
    };
    let file = found.into_iter().rev().map(|(_, file)| file).find(has_all);
    file.with_context(|| {
        format!("no test executable {name} with {tests:?}: cargo test --workspace --no-run")
    })
}
