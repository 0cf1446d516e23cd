//! The scripts of `bash-poc/`: what they prove holds, and they leave nothing.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wgcni_lab::Lab;
use wgcni_lab::netns::Netns;
use wgcni_lab::vm::{Hardware, Image, Machine};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bash-poc");

/// Where the scripts write down what runs.
const RUNS: &str = "/run/wgcni-poc";

/// How long a script may take: some seconds, on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_mins(3);

/// A run of a script, with a name that nobody else has: tests run at the same time.
struct Run {
    script: &'static str,
    name: String,
}

impl Run {
    fn new(script: &'static str, number: u32) -> Self {
        let name = std::process::id().wrapping_mul(8).wrapping_add(number) % 0x1_0000;
        Self { script, name: format!("{name:04x}") }
    }

    /// Runs a verb to its end. A script that takes too long is asked to end, and takes
    /// itself down.
    fn call(&self, verb: &[&str]) -> (ExitStatus, String) {
        let mut child = Command::new(format!("{DIRECTORY}/{}", self.script))
            .args(verb)
            .env("POC_RUN", &self.name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let mut asked = false;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE && !asked {
                asked = true;
                kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
            } else if start.elapsed() > 2 * PATIENCE {
                child.kill().unwrap();
            }
            sleep(Duration::from_millis(50));
        };
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert!(!asked, "{} {verb:?} took longer than {PATIENCE:?}: {output}", self.script);
        (status, output)
    }

    /// A namespace of the run.
    fn netns(&self, place: &str) -> Netns {
        Netns::named(&format!("poc-{}-{place}", self.name))
    }

    /// Whatever there is with the run's name in its own: namespaces, links of the
    /// machine, control sockets, processes, mounts, what is written down.
    fn traces(&self) -> Vec<String> {
        let mut found = Vec::new();
        for directory in ["/run/netns", "/run/wireguard", "/sys/class/net", RUNS] {
            found.extend(entries(directory));
        }
        let processes = entries("/proc").into_iter().map(|process| format!("{process}/cmdline"));
        found.extend(processes.filter_map(|file| {
            let line = fs::read(&file).ok()?;
            Some(format!("{file}: {}", String::from_utf8_lossy(&line)))
        }));
        found
            .extend(fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned));
        found.retain(|line| self.is_named_in(line));
        found
    }

    /// Names end in the run's, or have it between: `web-1a2b`, `poc-1a2b-web`.
    fn is_named_in(&self, line: &str) -> bool {
        let words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.collect();
        let before = ["poc", "mesh", "hub", "web", "api", "db", "cache", "mail"];
        let numbers = ["1", "2", "3", "4"];
        words.windows(2).any(|pair| {
            pair[1] == self.name && (before.contains(&pair[0]) || numbers.contains(&pair[0]))
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Success when it is down already.
        let _ = self.call(&["teardown", &self.name]);
    }
}

fn entries(directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path().display().to_string()).collect()
}

#[track_caller]
fn proves_and_leaves_nothing(script: &'static str, number: u32, proofs: usize) {
    let run = Run::new(script, number);
    let (status, output) = run.call(&["run"]);
    assert!(status.success(), "{script} ended with {status}:\n{output}");
    let verdict = format!("{script}: {proofs} proven, 0 failed");
    assert_eq!(output.lines().last(), Some(verdict.as_str()), "{output}");
    assert_eq!(run.traces(), [""; 0]);
}

#[test]
fn two_hosts_talk_by_wireguard_alone() {
    proves_and_leaves_nothing("1-two-hosts.sh", 1, 10);
}

#[test]
fn containers_on_hubs_reach_each_other_under_true_addresses() {
    proves_and_leaves_nothing("2-hub-and-spoke.sh", 2, 28);
}

#[test]
fn two_containers_talk_without_a_hub() {
    proves_and_leaves_nothing("3-container-to-container.sh", 3, 16);
}

#[test]
fn a_forbidden_pair_does_not_talk_and_all_others_do() {
    proves_and_leaves_nothing("4-forbidden-pair.sh", 4, 23);
}

#[test]
fn a_check_fails_where_the_network_is_not_what_it_should_be() {
    let run = Run::new("1-two-hosts.sh", 5);
    let (status, output) = run.call(&["create"]);
    assert!(status.success(), "{output}");
    assert_ne!(run.traces(), [""; 0], "the traces of a run that is up are seen");
    let mesh = format!("ash-mesh-{}", run.name);
    run.netns("ash").ip(&["link", "set", &mesh, "down"]).unwrap();
    let (status, output) = run.call(&["check", &run.name]);
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("FAILED  ash reaches birch"), "{output}");
    for _ in 0..2 {
        let (status, output) = run.call(&["teardown", &run.name]);
        assert!(status.success(), "{output}");
    }
    assert_eq!(run.traces(), [""; 0]);
}

#[test]
fn a_run_that_is_interrupted_takes_itself_down() {
    let run = Run::new("2-hub-and-spoke.sh", 6);
    let mut script = Command::new(format!("{DIRECTORY}/{}", run.script))
        .arg("run")
        .env("POC_RUN", &run.name)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let half = run.netns("birch").path();
    wgcni_lab::wait::until("half of the network", || half.exists()).unwrap();
    kill(Pid::from_raw(script.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(script.wait().unwrap().code(), Some(143));
    assert_eq!(run.traces(), [""; 0]);
}

/// What the scripts start, in a virtual machine. Busybox's shell would run its own applets
/// instead of some of these.
const TOOLS: [&str; 22] = [
    "awk",
    "basename",
    "bash",
    "cat",
    "cut",
    "date",
    "dirname",
    "grep",
    "id",
    "ip",
    "ip6tables",
    "iptables",
    "nsenter",
    "paste",
    "ping",
    "rm",
    "rmdir",
    "sleep",
    "sort",
    "ss",
    "sysctl",
    "wg",
];

/// Extensions of iptables, and what protocols are called.
const FILES: [&str; 2] = ["/etc/protocols", "/usr/lib/x86_64-linux-gnu/xtables"];

const MODULES: [&str; 5] = [
    "drivers/net/veth.ko",
    "drivers/net/wireguard/wireguard.ko",
    "net/ipv4/netfilter/",
    "net/ipv6/netfilter/",
    "net/netfilter/",
];

const TASK: &str = "
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
export POC_WIREGUARD=kernel
bash /poc/2-hub-and-spoke.sh run || echo ended with $?
ls /run/netns
echo the end
";

#[test]
fn hubs_and_containers_are_the_same_on_the_kernels_wireguard() {
    let lab = Lab::new().unwrap();
    let directory = lab.run().directory();
    let image = Image::new(&directory, TASK).unwrap();
    image.add_tools(&TOOLS).unwrap();
    image.add_modules(&MODULES).unwrap();
    for path in FILES {
        image.add_path(path).unwrap();
    }
    fs::create_dir(directory.join("guest/poc")).unwrap();
    for file in entries(DIRECTORY) {
        let name = file.rsplit('/').next().unwrap();
        image.write(&format!("poc/{name}"), &fs::read_to_string(&file).unwrap()).unwrap();
    }
    let hardware = Hardware { processors: 2, memory: 512, disk: None };
    let mut machine = Machine::boot(&lab, &image.pack().unwrap(), &hardware, "").unwrap();
    let deadline = Instant::now() + 2 * PATIENCE;
    let mut lines = Vec::new();
    while let Some(line) = machine.line(deadline).unwrap() {
        if line == "the end" {
            break;
        }
        lines.push(line);
    }
    let last = lines.last().map(String::as_str);
    assert_eq!(last, Some("2-hub-and-spoke.sh: 28 proven, 0 failed"), "{}", lines.join("\n"));
}
