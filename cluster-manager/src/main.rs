//! Parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use cluster_manager::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = Cli::parse().run().await else { return ExitCode::SUCCESS };
    eprintln!("cluster-manager: {error:#}");
    ExitCode::FAILURE
}
