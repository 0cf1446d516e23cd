//! `wgcni audit`.

use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use wgcni_api::admin_v1 as wire;
use wgcni_identity::{AuditLine, Chain};

use crate::out::Out;
use crate::reach::Reach;
use crate::table::clean;
use crate::{Failure, times};

/// Most entries of one answer.
const PAGE: u32 = 1000;

/// How often new entries are asked for.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the newest entries
    Tail {
        /// Go on with those that come
        #[arg(long, short)]
        follow: bool,
        /// How many
        #[arg(short = 'n', default_value_t = 20, value_name = "COUNT")]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE)))]
        count: u32,
    },
    /// Read the whole log and check that each line follows the one before
    Verify,
}

impl AuditCommand {
    pub async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Tail { follow, count } => tail(follow, count, reach, out).await,
            Self::Verify => verify(reach, out).await,
        }
    }
}

async fn page(
    reach: &Reach,
    request: wire::ListAuditRequest,
) -> Result<wire::ListAuditResponse, Failure> {
    Ok(reach.answer(reach.cluster.admin.list_audit(request).await)?.into_owned())
}

fn after(sequence: u64) -> wire::ListAuditRequest {
    wire::ListAuditRequest {
        after_sequence: sequence,
        limit: PAGE,
        ..wire::ListAuditRequest::default()
    }
}

async fn tail(follow: bool, count: u32, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let newest =
        wire::ListAuditRequest { limit: count, newest: true, ..wire::ListAuditRequest::default() };
    let first = page(reach, newest).await?;
    let mut last = first.entries.last().map_or(first.last_sequence, |entry| entry.sequence);
    print(&first.entries, out)?;
    if !follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(EVERY).await;
        let next = page(reach, after(last)).await?;
        print(&next.entries, out)?;
        last = next.entries.last().map_or(last, |entry| entry.sequence);
    }
}

/// Prints entries: as they are for programs, else as one line each.
fn print(entries: &[wire::AuditEntry], out: &mut Out) -> Result<(), Failure> {
    for entry in entries {
        match AuditLine::parse(&entry.line) {
            _ if out.json => out.line(&entry.line)?,
            Some(line) => out.line(&text(&line))?,
            None => out.line(&format!("{} UNREADABLE {}", entry.sequence, clean(&entry.line)))?,
        }
    }
    Ok(())
}

/// "time number who what of", and why it was refused.
fn text(line: &AuditLine) -> String {
    let time = times::rfc3339(line.time_ms).unwrap_or_else(|| "-".to_owned());
    let refused = line.refused.as_ref().map(|why| format!(" REFUSED: {why}"));
    let note = if line.note.is_empty() { String::new() } else { format!(" ({})", line.note) };
    let (seq, who, what, of) = (line.seq, &line.who, &line.what, &line.of);
    clean(&format!("{time} {seq} {who}: {what} {of}{}{note}", refused.unwrap_or_default()))
}

#[derive(Serialize, Default)]
struct Verified {
    ok: bool,
    lines: u64,
    first: Option<u64>,
    last: Option<u64>,
    last_hash: Option<String>,
    broken: Option<String>,
}

async fn verify(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let mut chain = Chain::default();
    let mut verified = Verified::default();
    loop {
        let from = chain.last().map_or(0, |(sequence, _)| sequence);
        let page = page(reach, after(from)).await?;
        for entry in &page.entries {
            if let Err(broken) = chain.follow(entry.sequence, &entry.line) {
                verified.broken = Some(broken.to_string());
                return report(&chain, verified, out);
            }
            verified.lines += 1;
            verified.first.get_or_insert(entry.sequence);
        }
        let at = chain.last().map_or(0, |(sequence, _)| sequence);
        if at >= page.last_sequence {
            verified.ok = true;
            return report(&chain, verified, out);
        }
        if page.entries.is_empty() {
            verified.broken =
                Some(format!("lines {} to {} are missing", at + 1, page.last_sequence));
            return report(&chain, verified, out);
        }
    }
}

fn report(chain: &Chain, mut verified: Verified, out: &mut Out) -> Result<(), Failure> {
    verified.last = chain.last().map(|(sequence, _)| sequence);
    verified.last_hash = chain.last().map(|(_, hash)| hash.to_string());
    let text = match (&verified.broken, verified.first, verified.last) {
        (None, Some(first), Some(last)) => {
            let hash = verified.last_hash.as_deref().unwrap_or_default();
            let before = match first {
                1 => String::new(),
                _ => format!("\nwhat came before line {first} is no longer kept"),
            };
            format!(
                "{} lines, {first} to {last}, are what was written{before}\n\
                     compare later: line {last} has the hash {hash}\n",
                verified.lines
            )
        }
        (None, ..) => "the audit log is empty\n".to_owned(),
        (Some(_), ..) => format!("{} lines before it are what was written\n", verified.lines),
    };
    out.show(&verified, text)?;
    match verified.broken {
        None => Ok(()),
        Some(why) => Err(Failure::failed(format!(
            "the audit log was changed: {why}; keep a copy of the cluster-manager's state \
             directory before anything else"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgcni_identity::LineHash;

    #[test]
    fn an_entry_is_one_line_whatever_is_in_it() {
        let line = AuditLine {
            seq: 7,
            time_ms: 1_800_000_000_000,
            who: "192.0.2.1".into(),
            what: "join".into(),
            of: "a\nb".into(),
            refused: Some("expired".into()),
            note: "ticket 3f".into(),
            prev: LineHash::BEGIN,
        };
        let expected = "2027-01-15T08:00:00Z 7 192.0.2.1: join a\\nb REFUSED: expired (ticket 3f)";
        assert_eq!(text(&line), expected);
    }
}
