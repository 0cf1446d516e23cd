//! Parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use wgcni::{Cli, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("start: {error}")));
    match runtime.and_then(|runtime| runtime.block_on(wgcni::run(cli))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.text.is_empty() {
                eprintln!("wgcni: {}", failure.text);
            }
            ExitCode::from(failure.exit)
        }
    }
}
