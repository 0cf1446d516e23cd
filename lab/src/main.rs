//! `lab`: shows, measures and cleans up clusters made of network namespaces.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use wgcni_lab::registry::Run;
use wgcni_lab::vm::{power_cut, suite};
use wgcni_lab::{bench, clean, demo, orphans, say, soak};

#[derive(Parser)]
#[command(version, about = "Whole clusters out of network namespaces on this machine")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show a cluster that carries traffic
    Demo {
        /// Leave it up, and say how to look around
        #[arg(long)]
        keep: bool,
    },
    /// Take down whatever runs left, also killed ones
    Clean {
        /// Only these runs
        runs: Vec<String>,
    },
    /// Measure the programs beside others, into bench.json
    Bench,
    /// Attach and detach by the thousand; fails when something grows
    Soak {
        /// Times that a container comes and goes
        #[arg(long, default_value_t = 10_000)]
        cycles: usize,
        /// How many at once
        #[arg(long, default_value_t = 8)]
        parallel: usize,
    },
    /// In the virtual machine: print all leases
    #[command(hide = true)]
    GuestList,
    /// In the virtual machine: lease for ever
    #[command(hide = true)]
    GuestLoad {
        /// Part of the nodes' names
        round: u32,
    },
    /// In the virtual machine: run the tests of its list
    #[command(hide = true)]
    GuestSuite,
}

/// Set once a signal has come: from then on only the thread that takes down ends us.
static ENDING: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let ended = take_down_on_signal().and_then(|()| run(Arguments::parse().verb));
    while ENDING.load(Ordering::Acquire) {
        thread::park();
    }
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was as it should be.
fn run(verb: Verb) -> Result<bool> {
    match verb {
        Verb::Demo { keep } => demo::run(keep),
        Verb::Clean { runs } => clean(&runs).map(|()| true),
        Verb::Bench => bench::run().map(|()| true),
        Verb::Soak { cycles, parallel } => soak::run(soak::Plan { cycles, parallel }),
        Verb::GuestList => power_cut::guest::list().map(|()| true),
        Verb::GuestLoad { round } => power_cut::guest::load(round).map(|()| true),
        Verb::GuestSuite => suite::guest::run().map(|()| true),
    }
}

/// Takes down all runs and what tests left, or the runs that are named.
fn clean(ids: &[String]) -> Result<()> {
    let mut runs = Run::all()?;
    runs.retain(|run| ids.is_empty() || ids.iter().any(|id| id == run.id()));
    let mut swept = clean::these(&runs)?;
    if ids.is_empty() {
        swept.processes += orphans::end()?;
    }
    say::line(format!(
        "clean: took down {} runs, {} namespaces, {} processes",
        swept.runs, swept.namespaces, swept.processes
    ));
    Ok(())
}

/// On SIGINT and SIGTERM nothing may stay behind, and no destructor would run.
fn take_down_on_signal() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _context = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            // Nothing is lost with the other branch: either signal ends the program.
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        });
        ENDING.store(true, Ordering::Release);
        if let Err(error) = clean::own() {
            eprintln!("{error:#}");
        }
        // The main thread is in the middle of something that has no end now.
        #[allow(clippy::exit)]
        std::process::exit(130);
    });
    Ok(())
}
