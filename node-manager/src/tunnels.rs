//! The tunnels process: userspace devices outlive this program, so they run in another.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use wgcni_daemon::{Backoff, logging};
use wgcni_dataplane::{Parts, TUNNELS_PROTOCOL, Tunnels};
use wgcni_fault::around;

use crate::config::Config;
use crate::errors::chain;
use crate::reconcile::{Findings, Reconciler};

/// How long a new process may take until it listens.
const START: Duration = Duration::from_secs(10);

/// Largest log that is continued; a larger one is put aside, so that there are at most two.
const LOG: u64 = 8 * 1024 * 1024;

/// What `node-manager tunnels` can be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Directory of the control socket.
    #[arg(long, env = "WGCNI_RUN_DIR", default_value = "/run/wgcni")]
    run_dir: PathBuf,
    /// What is logged: a level, or a filter [default: `RUST_LOG`, else info]
    #[arg(long, env = "WGCNI_LOG")]
    log: Option<String>,
    /// Run in a session of its own, apart from whoever starts it.
    #[arg(long, hide = true)]
    own_session: bool,
}

/// Runs the devices, in the foreground, until SIGTERM or until a client asks for the end.
///
/// # Errors
/// When another process does already.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let log = logging::filter(arguments.log.clone(), "info");
    logging::init(&log, logging::Format::Text)?;
    keep_secrets()?;
    if arguments.own_session {
        // Signals for the starter's terminal or job are not for this process.
        nix::unistd::setsid().context("start a session of its own")?;
    }
    let shutdown = wgcni_daemon::shutdown()?;
    let socket = arguments.run_dir.join("tunnels.sock");
    tracing::info!(socket = %socket.display(), "tunnels start");
    wgcni_tunnels::serve(wgcni_tunnels::Config { socket }, shutdown.cancelled_owned()).await?;
    Ok(())
}

/// Keys that are in memory go to no core dump, and to no debugger of another than root.
///
/// # Errors
/// When the kernel refuses.
pub fn keep_secrets() -> anyhow::Result<()> {
    nix::sys::prctl::set_dumpable(false).context("forbid core dumps")
}

/// The tunnels process of this host, started when it is not running.
#[derive(Debug, Clone)]
pub struct Process {
    socket: PathBuf,
    run_dir: PathBuf,
    log: PathBuf,
    findings: Arc<Findings>,
}

impl Process {
    /// The process with these directories; what is wrong with it goes to `findings`.
    pub fn new(config: &Config, findings: &Arc<Findings>) -> Self {
        Self {
            findings: Arc::clone(findings),
            socket: config.tunnels_socket(),
            run_dir: config.run_dir.clone(),
            log: config.state_dir.join("tunnels.log"),
        }
    }

    /// Connects to the process, after starting it when it does not answer.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn ensure(&self) -> anyhow::Result<UnixStream> {
        let stream = self.connect().await?;
        self.compare().await;
        Ok(stream)
    }

    /// The process may be of another version than this program: it outlives upgrades. What
    /// they have in common works on.
    async fn compare(&self) {
        let tunnels = Tunnels::at(&self.socket);
        let told = tokio::task::spawn_blocking(move || tunnels.version()).await;
        let problem = match told {
            Ok(Ok(TUNNELS_PROTOCOL)) => None,
            Ok(Ok(theirs)) => Some(format!(
                "tunnels speak protocol {theirs}, this program {TUNNELS_PROTOCOL}: what runs goes \
                 on, containers may fail to start until the host is restarted or cleaned up"
            )),
            Ok(Err(error)) => Some(chain(&error)),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = &problem {
            tracing::warn!(%problem, "tunnels");
        }
        self.findings.set_tunnels(problem.map(Into::into));
    }

    async fn connect(&self) -> anyhow::Result<UnixStream> {
        match UnixStream::connect(&self.socket).await {
            Ok(stream) => return Ok(stream),
            // Its queue is full: it is there.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(error).context("tunnels do not answer");
            }
            Err(_) => {}
        }
        let mut child = around!("node.tunnels", self.spawn())?;
        tracing::info!(pid = child.id(), log = %self.log.display(), "tunnels started");
        let deadline = Instant::now() + START;
        loop {
            if let Ok(stream) = UnixStream::connect(&self.socket).await {
                // Reaped when it ends, left alone when we do.
                tokio::spawn(async move { child.wait().await });
                return Ok(stream);
            }
            if let Some(status) = child.try_wait()? {
                bail!("tunnels ended at once ({status}); see {}", self.log.display());
            }
            if Instant::now() > deadline {
                // Nobody would find it again.
                let _ = child.start_kill();
                bail!("tunnels do not answer; see {}", self.log.display());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn spawn(&self) -> anyhow::Result<tokio::process::Child> {
        let program = own_program().context("find this program")?;
        let log = open_log(&self.log).with_context(|| self.log.display().to_string())?;
        Command::new(&program)
            .arg0("node-manager")
            .args(["tunnels", "--own-session", "--run-dir"])
            .arg(&self.run_dir)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", program.display()))
    }

    /// Keeps the process running. When it died, its devices died with it: everything is
    /// looked at again.
    pub async fn guard(&self, mut stream: UnixStream, reconciler: Arc<Reconciler>) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        loop {
            wait_for_end(&mut stream).await;
            tracing::error!("tunnels died; containers attached so far have lost their link");
            stream = loop {
                match self.ensure().await {
                    Ok(stream) => {
                        self.findings.count_restart();
                        break stream;
                    }
                    Err(error) => {
                        tracing::error!(error = format!("{error:#}"), "start tunnels again");
                        let wait = backoff.fail(&mut rand::rng());
                        sleep(wait).await;
                    }
                }
            };
            reconciler.look_at(Parts::ALL);
            // One that dies at once must not be started in a tight loop.
            let wait = backoff.fail(&mut rand::rng());
            sleep(wait).await;
        }
    }
}

/// The file that this program was started from; the program itself, where an upgrade has
/// replaced that.
fn own_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(if path.exists() { path } else { PathBuf::from("/proc/self/exe") })
}

/// A connection without requests: it ends when the other side does.
async fn wait_for_end(stream: &mut UnixStream) {
    let mut byte = [0];
    while stream.read(&mut byte).await.is_ok_and(|n| n > 0) {}
}

fn open_log(path: &Path) -> io::Result<File> {
    if path.metadata().is_ok_and(|log| log.len() > LOG) {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn keys_in_memory_go_to_no_core_dump() {
        super::keep_secrets().unwrap();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
    }

    #[test]
    fn client_and_server_of_one_build_speak_one_protocol() {
        assert_eq!(wgcni_dataplane::TUNNELS_PROTOCOL, wgcni_tunnels::PROTOCOL);
    }
}
