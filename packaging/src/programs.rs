//! The programs that are packaged.

use clap::{Command, CommandFactory};
use wgcni_daemon::config::reference::{Key, keys};

/// One program.
#[derive(Debug)]
pub struct Program {
    /// Its command line.
    pub command: Command,
    /// The keys of its configuration; none: it has none.
    pub keys: Vec<Key>,
}

impl Program {
    /// Its name.
    pub fn name(&self) -> &str {
        self.command.get_name()
    }
}

/// All programs that have a command line. The plugin has none.
///
/// # Errors
/// When a key's documented default is no value of its type.
pub fn programs() -> anyhow::Result<Vec<Program>> {
    let manager = keys::<cluster_manager::config::Settings>();
    let node = keys::<node_manager::config::Settings>();
    Ok(vec![
        Program {
            command: cluster_manager::cli::Cli::command(),
            keys: manager.map_err(anyhow::Error::msg)?,
        },
        Program {
            command: node_manager::cli::Cli::command(),
            keys: node.map_err(anyhow::Error::msg)?,
        },
        Program { command: wgcni::Cli::command(), keys: Vec::new() },
    ])
}
