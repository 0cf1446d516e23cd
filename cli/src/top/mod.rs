//! `wgcni top`: what passes through this node now.
//!
//! ```text
//! Nearby -> sample -> rates(before, after) -> plain text, or JSON
//!                                          -> App (keys) -> draw -> terminal
//! ```

mod app;
mod draw;
mod sample;
mod screen;

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::Failure;
use crate::nearby::Nearby;
use crate::out::Out;
use crate::table::Table;
use crate::times;
use sample::{Rate, Sample, rates, sample};

/// How it is shown
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Print one sample as a table, as also where standard output is no terminal
    #[arg(long)]
    once: bool,
    /// Time between two looks
    #[arg(long, default_value = "1s", value_name = "SPAN", value_parser = times::parse_span)]
    interval: Duration,
}

#[derive(Serialize)]
struct Shown {
    interval_seconds: f64,
    rows: Vec<Rate>,
    trouble: Option<String>,
}

impl Top {
    /// Shows it until somebody has seen enough.
    pub async fn run(self, nearby: Nearby, out: &mut Out) -> Result<(), Failure> {
        // Whatever is wrong is said before the screen is taken.
        let first = sample(&nearby).await?;
        if self.once || out.json || !std::io::stdout().is_terminal() {
            return once(&nearby, first, self.interval, out).await;
        }
        screen::run(nearby, first, self.interval).await
    }
}

async fn once(
    nearby: &Nearby,
    before: Sample,
    interval: Duration,
    out: &mut Out,
) -> Result<(), Failure> {
    tokio::time::sleep(interval).await;
    let after = sample(nearby).await?;
    let time = after.at.saturating_sub(before.at);
    let rows = rates(&before, &after);
    if let Some(trouble) = &after.trouble {
        out.note(format!("what passed is not known: {trouble}"));
    }
    let mut table = Table::new(&app::COLUMNS);
    for row in &rows {
        table.row(app::cells(row));
    }
    let shown = Shown { interval_seconds: time.as_secs_f64(), rows, trouble: after.trouble };
    out.show(&shown, table)
}
