//! The audit log, read in pages.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use support::Fake;
use wgcni_api::admin_v1::AuditEntry;
use wgcni_identity::{AuditLine, LineHash};

/// A log of so many lines.
fn log(count: u64) -> Vec<AuditEntry> {
    let mut prev = LineHash::BEGIN;
    let line = |seq| {
        let line = AuditLine {
            seq,
            time_ms: 1_800_000_000_000 + seq * 1000,
            who: "root".into(),
            what: "ticket.create".into(),
            of: format!("ticket {seq}"),
            refused: (seq == 4).then(|| "expired".into()),
            note: String::new(),
            prev,
        };
        let line = line.to_text();
        prev = LineHash::of(&line);
        AuditEntry { sequence: seq, line, ..Default::default() }
    };
    (1..=count).map(line).collect()
}

fn with_log(log: Vec<AuditEntry>) -> Fake {
    let fake = Fake::start();
    *fake.state.audit.lock().unwrap() = log;
    fake
}

#[test]
fn the_newest_lines_are_shown() {
    let fake = with_log(log(8));
    let done = fake.run("audit tail -n 2");
    assert_eq!(
        done.stdout,
        "2027-01-15T08:00:07Z 7 root: ticket.create ticket 7\n\
         2027-01-15T08:00:08Z 8 root: ticket.create ticket 8\n"
    );
    let json: Vec<Value> = fake
        .run("audit tail -n 3 --json")
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((json.len(), &json[0]["seq"]), (3, &json!(6)));
}

#[test]
fn following_goes_on_with_what_comes() {
    let whole = log(9);
    let fake = with_log(whole[..2].to_vec());
    let mut command = fake.command("audit tail --follow -n 1");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains(" 2 root"));
    *fake.state.audit.lock().unwrap() = whole;
    for number in 3..=9 {
        assert!(next().contains(&format!(" {number} root")));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_whole_log_verifies() {
    let fake = with_log(log(8));
    let done = fake.run("audit verify");
    assert!(done.stdout.starts_with("8 lines, 1 to 8, are what was written\n"), "{done:?}");
    assert_eq!(done.exit, 0);
    let json = fake.run("audit verify --json").json();
    let last = LineHash::of(&log(8)[7].line).to_string();
    assert_eq!(json["last_hash"], json!(last));
    assert_eq!((&json["ok"], &json["lines"]), (&json!(true), &json!(8)));
    let done = with_log(log(8)[4..].to_vec()).run("audit verify");
    assert!(done.stdout.contains("what came before line 5 is no longer kept"), "{done:?}");
    with_log(vec![]).run("audit verify").is("the audit log is empty\n");
}

#[test]
fn an_edited_log_does_not_verify_and_the_line_is_named() {
    let mut edited = log(8);
    edited[4].line = edited[4].line.replace("ticket 5", "ticket 6");
    let fake = with_log(edited);
    let done = fake.run("audit verify");
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.stderr.contains("line 6 does not follow the one before"), "{done:?}");
    let done = fake.run("audit verify --json");
    assert_eq!((done.exit, &done.json()["ok"]), (1, &json!(false)));
    let mut cut = log(8);
    cut.remove(3);
    let done = with_log(cut).run("audit verify");
    assert!(done.stderr.contains("line 4 is missing"), "{done:?}");
}
