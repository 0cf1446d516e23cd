//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use wgcni_daemon::config::Flags;
use wgcni_telemetry::otlp;

use crate::cleanup::{Keep, cleanup, leave};
use crate::config::{Config, Settings};
use crate::{join, reclaim, renew, serve, tunnels};

/// Serves one node of a Wireguard CNI cluster.
#[derive(Debug, Parser)]
#[command(name = "node-manager", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join a cluster, with the join string that its operator made.
    Join {
        #[command(flatten)]
        arguments: join::Arguments,
        #[command(flatten)]
        configured: Configured,
    },
    /// Make this node's keys and print its public mesh key, for the cluster's whitelist.
    Init {
        /// For the whitelist: this is what the command does anyway.
        #[arg(long)]
        whitelist: bool,
        #[command(flatten)]
        configured: Configured,
    },
    /// Renew this node's certificate now (serve does it by itself).
    Renew(Configured),
    /// Serve this node until SIGTERM; links, routes and firewall stay then.
    Serve(Configured),
    /// Run this node's userspace WireGuard devices (serve starts it where it is needed).
    Tunnels(tunnels::Arguments),
    /// Take away attachments whose containers died without a DEL (serve does it by itself).
    Reclaim {
        #[command(flatten)]
        arguments: reclaim::Arguments,
        #[command(flatten)]
        configured: Configured,
    },
    /// Take everything of ours off this host; keys, lease and attachments stay on disk.
    Cleanup {
        #[command(flatten)]
        configured: Configured,
        /// Remove the state directory, keys and certificate included. The cluster-manager keeps the lease:
        /// give it back with `node-manager leave` before.
        #[arg(long)]
        purge: bool,
    },
    /// Leave the cluster, give the lease back, then clean up.
    Leave(Configured),
}

#[derive(Debug, Args)]
struct Configured {
    /// Configuration file; default: /etc/wgcni/node-manager.toml, if it exists.
    #[arg(long, env = "WGCNI_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Flags<Settings>,
}

impl Configured {
    /// Reads the configuration and sets up logging as it says.
    fn load(self) -> anyhow::Result<Config> {
        let config = Config::load(self.config, &self.settings)?;
        wgcni_daemon::logging::init(&config.log, config.log_format)?;
        Ok(config)
    }
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Join { arguments, configured } => {
                join::run(&configured.load()?, arguments).await
            }
            Command::Init { whitelist: _, configured } => join::init(&configured.load()?),
            Command::Renew(configured) => renew::run(&configured.load()?).await,
            Command::Serve(configured) => {
                let config = Config::load(configured.config, &configured.settings)?;
                let log = (config.log.as_str(), config.log_format);
                let _spans = otlp::init(log, "node-manager", config.otlp_endpoint.as_ref())?;
                serve::serve(config).await
            }
            Command::Tunnels(arguments) => tunnels::run(arguments).await,
            Command::Reclaim { arguments, configured } => {
                reclaim::run(&configured.load()?, &arguments).await
            }
            Command::Cleanup { configured, purge } => {
                let keep = if purge { Keep::Nothing } else { Keep::State };
                cleanup(&configured.load()?, keep)
            }
            Command::Leave(configured) => leave(&configured.load()?).await,
        }
    }
}
