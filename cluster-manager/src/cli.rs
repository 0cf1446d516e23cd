//! The command line.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use wgcni_daemon::config::{File, Flags};
use wgcni_daemon::shutdown;
use wgcni_telemetry::otlp;

use crate::config::{Config, PATH, Settings};
use crate::init::{Init, Made, init};
use crate::serve;

/// Serves a cluster: leases its address space to nodes, and tells them of each other.
#[derive(Debug, Parser)]
#[command(name = "cluster-manager", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file [default: /etc/wgcni/cluster-manager.toml]
    #[arg(long, global = true, env = "WGCNI_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new cluster: its keys, its configuration, and a ticket for its first operator,
    /// which is printed once.
    Init {
        /// Replace a cluster that is there: keys, records, configuration.
        #[arg(long)]
        force: bool,
        /// Ask nothing: what is not in the configuration, a flag or a variable is default.
        #[arg(long)]
        non_interactive: bool,
        #[command(flatten)]
        settings: Flags<Settings>,
    },
    /// Serve the cluster until SIGTERM.
    Serve {
        #[command(flatten)]
        settings: Flags<Settings>,
    },
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Init { force, non_interactive, settings } => {
                let path = self.config.unwrap_or_else(|| PATH.into());
                let made =
                    init(&Init { path: &path, flags: &settings, force, non_interactive }).await?;
                Ok(tell(&path, &made)?)
            }
            Command::Serve { settings } => {
                let config = Config::read(&File::named_or(self.config, PATH), &settings)?;
                let log = (config.log.as_str(), config.log_format);
                let _spans = otlp::init(log, "cluster-manager", config.otlp_endpoint.as_ref())?;
                wgcni_daemon::raise_file_limit();
                serve::serve(config, shutdown()?).await
            }
        }
    }
}

/// The join string alone goes to standard output.
fn tell(path: &Path, Made { config, join }: &Made) -> std::io::Result<()> {
    let cluster = &config.cluster;
    eprintln!("cluster {} ({}): wrote {}", cluster.id, cluster.prefixes, path.display());
    let Some(join) = join else {
        eprintln!("INSECURE: insecure_plaintext = true: there are no keys, and nobody joins");
        return Ok(());
    };
    eprintln!(
        "keys are in {}: back them up\n\
         Start it: cluster-manager serve, or systemctl start cluster-manager\n\
         Become its first operator within the hour: wgcni login JOIN\n\
         where JOIN is this, shown once and good once:",
        config.state_dir.display()
    );
    writeln!(std::io::stdout(), "{}", **join)
}
