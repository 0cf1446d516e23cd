//! A lab that was killed is found by name and taken down; only that one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use wgcni_lab::registry::Run;
use wgcni_lab::{Lab, clean, wait};

const LAB: &str = env!("CARGO_BIN_EXE_lab");

/// What the machine has outside of the lab, by the words of its own tools.
fn machine() -> Vec<String> {
    let show = |line: &[&str]| {
        let output = Command::new(line[0]).args(&line[1..]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let links = show(&["ip", "-o", "link"]);
    let names: Vec<&str> = links.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    vec![
        names.join(" "),
        show(&["ip", "-4", "route", "show", "table", "all"]),
        show(&["ip", "-6", "route", "show", "table", "main"]),
        show(&["ip", "rule"]),
        show(&["nft", "list", "ruleset"]),
    ]
}

/// Names, mounts and processes that belong to a run.
fn traces(run: &Run) -> Vec<String> {
    let mut traces = Vec::new();
    let prefix = run.name_of("");
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        traces.push(entry.file_name().to_string_lossy().into_owned());
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    traces.extend(mounts.lines().map(str::to_owned));
    let processes = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    traces.extend(String::from_utf8_lossy(&processes.stdout).lines().map(str::to_owned));
    traces.retain(|trace| trace.contains(&prefix));
    traces
}

/// A demo that has come as far as its second host, and its run.
fn running_demo() -> (Child, Run) {
    let mut demo = Command::new(LAB).arg("demo").stdout(Stdio::null()).spawn().unwrap();
    let id = i32::try_from(demo.id()).unwrap();
    let mut found = None;
    let waited = wait::until("a demo with hosts", || {
        let runs = Run::all().unwrap_or_default();
        found = runs.into_iter().find(|run| run.living_owner() == Some(id));
        found.as_ref().is_some_and(|run| run.directory().join("ash-holder.log").exists())
    });
    if waited.is_err() {
        demo.kill().unwrap();
    }
    waited.unwrap();
    (demo, found.unwrap())
}

#[test]
fn a_killed_demo_is_taken_down_and_nothing_else() {
    let other = Lab::new().unwrap();
    let before = machine();
    let (mut demo, run) = running_demo();
    sleep(Duration::from_secs(2));
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert!(!traces(&run).is_empty(), "the demo left before it was killed");
    let inodes = clean::inodes_of(&run);
    assert!(!clean::processes_in(&inodes).is_empty());

    let cleaned = Command::new(LAB).args(["clean", run.id()]).status().unwrap();

    assert!(cleaned.success());
    assert_eq!(traces(&run), [""; 0]);
    assert_eq!(clean::processes_in(&inodes), [0_i32; 0]);
    assert!(!run.directory().exists());
    assert_eq!(machine(), before);
    other.add_host("alive").unwrap();
}

#[test]
fn a_demo_that_is_asked_to_end_takes_itself_down() {
    let (mut demo, run) = running_demo();
    let id = nix::unistd::Pid::from_raw(i32::try_from(demo.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert_eq!(traces(&run), [""; 0]);
    assert!(!run.directory().exists());
}
