//! Runs the plugin as a runtime does: environment and stdin in, one JSON object out.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod fake;
pub mod live;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The plugin's binary.
pub const PLUGIN: &str = env!("CARGO_BIN_EXE_wireguard-cni");

/// Longest time that any verb may take (Nomad waits for ever and blocks everything).
const LONGEST: Duration = Duration::from_secs(10);

/// A network configuration of a version; everything of the host's in `directory`.
pub fn conf(version: &str, directory: &Path) -> Value {
    json!({
        "cniVersion": version,
        "name": "wgnet",
        "type": "wireguard-cni",
        "socket": directory.join("node.sock"),
        "tunnelsSocket": directory.join("tunnels.sock"),
        "tombstones": directory.join("tombstones"),
    })
}

/// One call of the plugin.
#[derive(Clone)]
pub struct Call {
    env: BTreeMap<String, String>,
    stdin: Vec<u8>,
}

impl Call {
    /// A verb about container `c1`, complete but for its namespace and configuration.
    pub fn new(verb: &str) -> Self {
        let env = [("CNI_COMMAND", verb), ("CNI_CONTAINERID", "c1"), ("CNI_IFNAME", "eth0")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { env, stdin: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    pub fn netns(self, path: &Path) -> Self {
        self.with("CNI_NETNS", path.to_str().unwrap())
    }

    pub fn stdin(mut self, stdin: impl Into<Vec<u8>>) -> Self {
        self.stdin = stdin.into();
        self
    }

    pub fn conf(self, conf: &Value) -> Self {
        self.stdin(conf.to_string())
    }

    /// Runs it in the test's own namespaces.
    pub fn run(&self) -> Outcome {
        self.run_as(Command::new(PLUGIN))
    }

    /// Starts it with a command that was prepared to run the plugin elsewhere.
    pub fn spawn(&self, command: Command) -> Child {
        let (child, mut stdin) = self.begin(command);
        // The plugin may end without reading.
        let _ = stdin.write_all(&self.stdin);
        child
    }

    /// Starts it so, and leaves its configuration to the caller.
    pub fn begin(&self, mut command: Command) -> (Child, ChildStdin) {
        command.env_clear().envs(&self.env);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        (child, stdin)
    }

    /// Runs it so to its end.
    pub fn run_as(&self, command: Command) -> Outcome {
        let mut child = self.spawn(command);
        let end = Instant::now() + LONGEST;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("no answer within {LONGEST:?}");
            }
            thread::sleep(Duration::from_millis(1));
        };
        let (mut stdout, mut stderr) = (Vec::new(), String::new());
        child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Outcome { code: status.code(), stdout, stderr }
    }
}

/// What a call came to.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Outcome {
    /// Success with an object on stdout.
    pub fn result(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self}");
        self.object()
    }

    /// Success with nothing on stdout.
    pub fn done(&self) {
        assert_eq!((self.code, self.stdout.as_slice()), (Some(0), &b""[..]), "{self}");
    }

    /// Failure: version, code, all its text.
    pub fn error(&self) -> (String, u64, String) {
        assert_eq!(self.code, Some(1), "{self}");
        let object = self.object();
        let text = |key: &str| object[key].as_str().unwrap().to_owned();
        let all = format!("{}: {}", text("msg"), text("details"));
        let lower = all.to_lowercase();
        assert!(!lower.contains("not found") && !lower.contains("no such file"), "{all}");
        (text("cniVersion"), object["code"].as_u64().unwrap(), all)
    }

    /// Failure with this code; its text.
    pub fn fails_with(&self, code: u64) -> String {
        let (_, actual, text) = self.error();
        assert_eq!(actual, code, "{text}");
        text
    }

    fn object(&self) -> Value {
        let value: Value = serde_json::from_slice(&self.stdout).unwrap();
        assert!(value.is_object(), "{self}");
        value
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(f, "exit {:?}, stdout {stdout}, stderr {}", self.code, self.stderr)
    }
}

/// A network namespace without a name, held by a process that sleeps; it goes when dropped.
pub struct Netns(std::process::Child);

impl Netns {
    pub fn new() -> Self {
        let sleep = Command::new("unshare").args(["--net", "sleep", "300"]).spawn().unwrap();
        let netns = Self(sleep);
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        let end = Instant::now() + LONGEST;
        while std::fs::read_link(netns.path()).unwrap() == own {
            assert!(Instant::now() < end, "no namespace");
            thread::sleep(Duration::from_millis(1));
        }
        netns
    }

    pub fn path(&self) -> std::path::PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    /// Names of its interfaces.
    pub fn interfaces(&self) -> Vec<String> {
        let target = self.0.id().to_string();
        let list = ["--target", &target, "--net", "ip", "-j", "link"];
        let output = Command::new("nsenter").args(list).output().unwrap();
        let links: Value = serde_json::from_slice(&output.stdout).unwrap();
        let links = links.as_array().unwrap().iter();
        links.map(|link| link["ifname"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
