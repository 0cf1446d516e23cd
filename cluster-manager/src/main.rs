//! Serves a cluster: leases, peers, identity.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cluster_manager::config::{Config, PATH, Settings};
use cluster_manager::init::{Init, Made, init};
use cluster_manager::serve;
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

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Cli::parse()).await else { return ExitCode::SUCCESS };
    eprintln!("cluster-manager: {error:#}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Init { force, non_interactive, settings } => {
            let path = cli.config.unwrap_or_else(|| PATH.into());
            let made =
                init(&Init { path: &path, flags: &settings, force, non_interactive }).await?;
            Ok(tell(&path, &made)?)
        }
        Command::Serve { settings } => {
            let config = Config::read(&File::named_or(cli.config, PATH), &settings)?;
            logging::init(&config.log, config.log_format)?;
            wgcni_daemon::raise_file_limit();
            serve::serve(config, shutdown()?).await
        }
    }
}

/// The join string alone goes to standard output.
fn tell(path: &std::path::Path, Made { config, join }: &Made) -> std::io::Result<()> {
    let cluster = &config.cluster;
    eprintln!("cluster {} ({}): wrote {}", cluster.id, cluster.prefixes, path.display());
    let Some(join) = join else {
        eprintln!("INSECURE: insecure_plaintext = true: there are no keys, and nobody joins");
        return Ok(());
    };
    eprintln!(
        "keys are in {}: back them up\n\
         Start it: cluster-manager serve\n\
         Become its first operator within the hour: wgcni login JOIN\n\
         where JOIN is this, shown once and good once:",
        config.state_dir.display()
    );
    writeln!(std::io::stdout(), "{}", **join)
}
