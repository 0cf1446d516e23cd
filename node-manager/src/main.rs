//! Parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use node_manager::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Two threads carry all that this program does at once; blocking work is rare.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|r| r.block_on(cli.run()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("node-manager: {error:#}");
            ExitCode::FAILURE
        }
    }
}
