//! Writes what packages and documents hold besides the programs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use wgcni_packaging::{programs, renew, write};

/// Writes what packages and documents hold besides the programs.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write man pages, completions and default configuration files.
    Artefacts {
        /// Directory; it is made anew.
        dir: PathBuf,
    },
    /// Generate the tables of the configuration's reference again.
    Docs {
        /// The reference.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let Err(error) = run(&Cli::parse().command) else { return ExitCode::SUCCESS };
    eprintln!("packaging: {error:#}");
    ExitCode::FAILURE
}

fn run(command: &Command) -> anyhow::Result<()> {
    let programs = programs()?;
    match command {
        Command::Artefacts { dir } => write(dir, &programs),
        Command::Docs { file } => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("read {}", file.display()))?;
            std::fs::write(file, renew(&text, &programs)?)
                .with_context(|| format!("write {}", file.display()))
        }
    }
}
