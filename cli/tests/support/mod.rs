//! A cluster-manager that answers what a test tells it, on a unix socket, and the real
//! binary that asks it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod node;
pub mod service;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use connectrpc::{ConnectError, ConnectRpcService, ErrorCode};
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use wgcni_api::admin_v1 as wire;

/// What a command came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    pub fn new(output: Output) -> Self {
        Self {
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless it went well and printed this.
    pub fn is(&self, stdout: &str) {
        assert_eq!((self.exit, self.stdout.as_str()), (0, stdout), "{self:?}");
    }
}

/// What the fake knows, was asked, and shall answer.
#[derive(Default)]
pub struct State {
    pub asked: Mutex<Vec<(&'static str, Value)>>,
    pub refusal: Mutex<Option<ConnectError>>,
    pub tickets: Mutex<Vec<wire::Ticket>>,
    pub tokens: Mutex<Vec<wire::Token>>,
    pub members: Mutex<Vec<wire::Member>>,
    /// Members after each further look at them, the last for ever.
    pub later: Mutex<Vec<Vec<wire::Member>>>,
    pub audit: Mutex<Vec<wire::AuditEntry>>,
    pub status: Mutex<wire::StatusResponse>,
    /// What nodes told; none: this cluster-manager is older than that.
    pub reports: Mutex<Option<Vec<wgcni_api::view::Reported>>>,
    pub node: node::State,
}

/// A fake that serves until it is dropped.
pub struct Fake {
    pub state: Arc<State>,
    directory: tempfile::TempDir,
    runtime: Runtime,
}

impl Fake {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let state = Arc::new(State::default());
        let service = ConnectRpcService::new(service::router(&state));
        let app = axum::Router::new().fallback_service(service);
        let listener = {
            let _context = runtime.enter();
            UnixListener::bind(directory.path().join("socket")).unwrap()
        };
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { state, directory, runtime }
    }

    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Refuses everything from now on.
    pub fn refuse(&self, code: ErrorCode, message: &str) {
        *self.state.refusal.lock().unwrap() = Some(ConnectError::new(code, message));
    }

    /// Runs a command against this fake.
    pub fn run(&self, line: &str) -> Done {
        Done::new(self.command(line).output().unwrap())
    }

    /// The command, to be started otherwise.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.alone(line);
        command.arg("--socket").arg(self.directory.path().join("socket"));
        command
    }

    /// The command with this home, and without the way to this fake.
    pub fn alone(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgcni"));
        command.args(line.split_whitespace()).env_clear().env("WGCNI_HOME", self.home());
        command.stdin(Stdio::null());
        command
    }

    /// Starts a node-manager beside the cluster-manager.
    pub fn start_node(&self) {
        let service = ConnectRpcService::new(node::router(&self.state));
        let app = axum::Router::new().fallback_service(service);
        let listener = {
            let _context = self.runtime.enter();
            UnixListener::bind(self.node_socket()).unwrap()
        };
        self.runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
    }

    pub fn node_socket(&self) -> PathBuf {
        self.directory.path().join("node")
    }

    /// Runs a command against the node-manager alone.
    pub fn on_node(&self, line: &str) -> Done {
        Done::new(self.node_command(line).output().unwrap())
    }

    /// Runs a command against both.
    pub fn on_both(&self, line: &str) -> Done {
        let mut command = self.command(line);
        Done::new(command.arg("--node-socket").arg(self.node_socket()).output().unwrap())
    }

    pub fn node_command(&self, line: &str) -> Command {
        let mut command = self.alone(line);
        command.arg("--node-socket").arg(self.node_socket());
        command
    }

    /// What the last call asked.
    pub fn last(&self) -> (&'static str, Value) {
        self.state.asked.lock().unwrap().last().cloned().unwrap()
    }
}

/// Runs a command with something on its stdin.
pub fn with_stdin(mut command: Command, text: &str) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended before it reads.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    Done::new(child.wait_with_output().unwrap())
}
