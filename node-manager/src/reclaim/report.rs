//! `node-manager reclaim`: asks the running node-manager, and shows what it answers.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use connectrpc::ErrorCode;
use wgcni_api::node_v1 as wire;

use crate::config::Config;

/// Longest wait for the answer: a full node takes seconds to look through.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `node-manager reclaim` can be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Change nothing: say of every attachment what would become of it, and why.
    #[arg(long)]
    dry_run: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Has the node-manager of this host look for dead containers now, and prints what it found.
///
/// # Errors
/// It is not running, cannot see enough to prove anything, or could not take the dead away.
pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let answer = ask(&config.node_socket(), arguments.dry_run).await?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
    } else {
        write!(out, "{}", text(&answer.candidates, arguments.dry_run))?;
    }
    Ok(())
}

async fn ask(socket: &Path, dry_run: bool) -> anyhow::Result<wire::ReclaimResponse> {
    let client = wgcni_api::client::node(socket, PATIENCE);
    let request = wire::ReclaimRequest { dry_run, ..Default::default() };
    match client.reclaim(request).await {
        Ok(answer) => Ok(answer.into_owned()),
        Err(error) if error.code == ErrorCode::Unavailable => {
            Err(error).with_context(|| format!("no answer on {}: does it run?", socket.display()))
        }
        Err(error) => Err(anyhow::anyhow!(error.message.unwrap_or_default())),
    }
}

/// The table for people, and the sum of it.
fn text(candidates: &[wire::ReclaimCandidate], dry_run: bool) -> String {
    use wire::Verdict::{VERDICT_ALIVE, VERDICT_DUE, VERDICT_WAITS};
    let is = |candidate: &wire::ReclaimCandidate, verdict| candidate.verdict == verdict;
    let count = |verdict| candidates.iter().filter(|c| is(c, verdict)).count();
    // What lives is no news, unless somebody asked.
    let shown = candidates.iter().filter(|c| dry_run || !is(c, VERDICT_ALIVE));
    let due = if dry_run { "would be taken" } else { "taken" };
    let row = |candidate: &wire::ReclaimCandidate| {
        let verdict = match candidate.verdict.as_known() {
            Some(VERDICT_DUE) => due.to_owned(),
            Some(VERDICT_WAITS) => format!("in {} s", candidate.seconds_left),
            _ => "stays".to_owned(),
        };
        let key = &candidate.key;
        let key = format!("{}/{}/{}", key.network, key.container_id, key.ifname);
        [key, candidate.addresses.join(" "), verdict, candidate.reason.clone()]
    };
    let head = ["attachment", "addresses", "verdict", "why"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(shown.map(row)).collect();
    let [due_now, waiting, alive] = [VERDICT_DUE, VERDICT_WAITS, VERDICT_ALIVE].map(count);
    let sum = format!("{due_now} {due}, {waiting} wait, {alive} alive\n");
    if rows.len() > 1 { table(&rows) + &sum } else { sum }
}

/// Rows under each other; a column is as wide as it needs, the last one ends the line.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate();
        let padded =
            cells.map(|(n, cell)| format!("{cell:<width$}", width = width(n).unwrap_or(0)));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, verdict: wire::Verdict, left: u64) -> wire::ReclaimCandidate {
        let key = wire::AttachmentKey {
            network: "wgnet".to_owned(),
            container_id: name.to_owned(),
            ifname: "eth0".to_owned(),
            ..Default::default()
        };
        wire::ReclaimCandidate {
            key: key.into(),
            addresses: vec!["10.64.0.2".to_owned(), "fd00::2".to_owned()],
            verdict: verdict.into(),
            reason: format!("because {name}"),
            seconds_left: left,
            ..Default::default()
        }
    }

    #[test]
    fn people_read_what_becomes_of_whom_and_why() {
        let all = [
            candidate("a", wire::Verdict::VERDICT_ALIVE, 0),
            candidate("bcd", wire::Verdict::VERDICT_WAITS, 42),
            candidate("e", wire::Verdict::VERDICT_DUE, 0),
        ];
        let dry = "\
attachment      addresses          verdict         why
wgnet/a/eth0    10.64.0.2 fd00::2  stays           because a
wgnet/bcd/eth0  10.64.0.2 fd00::2  in 42 s         because bcd
wgnet/e/eth0    10.64.0.2 fd00::2  would be taken  because e
1 would be taken, 1 wait, 1 alive
";
        assert_eq!(text(&all, true), dry);
        let wet = "\
attachment      addresses          verdict  why
wgnet/bcd/eth0  10.64.0.2 fd00::2  in 42 s  because bcd
wgnet/e/eth0    10.64.0.2 fd00::2  taken    because e
1 taken, 1 wait, 1 alive
";
        assert_eq!(text(&all, false), wet);
        assert_eq!(text(&all[..1], false), "0 taken, 0 wait, 1 alive\n");
    }
}
