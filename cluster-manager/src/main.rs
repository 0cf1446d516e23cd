//! Serves a cluster: leases, peers, identity.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cluster_manager::config::{Config, PATH, Settings};
use cluster_manager::{init, serve};
use wgcni_daemon::config::{File, Flags};
use wgcni_daemon::{logging, shutdown};

/// Serves a cluster: leases its address space to nodes, and tells them of each other.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Configuration file [default: /etc/wgcni/cluster-manager.toml]
    #[arg(long, global = true, env = "WGCNI_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the configuration of a new cluster.
    Init {
        /// Replace a configuration that exists.
        #[arg(long)]
        force: bool,
        /// Ask nothing (nothing is asked yet).
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

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Cli::parse()).await else { return ExitCode::SUCCESS };
    eprintln!("cluster-manager: {error:#}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Init { force, settings, .. } => {
            let path = cli.config.unwrap_or_else(|| PATH.into());
            let config = init::init(&path, &settings, force)?;
            let Config { cluster, .. } = config;
            eprintln!("cluster {} ({}): wrote {}", cluster.id, cluster.prefixes, path.display());
            Ok(())
        }
        Command::Serve { settings } => {
            let config = Config::read(&File::named_or(cli.config, PATH), &settings)?;
            logging::init(&config.log, config.log_format)?;
            wgcni_daemon::raise_file_limit();
            serve::serve(config, shutdown()?).await
        }
    }
}
