//! Running programs: fixed argument vectors, and errors that carry what the program said.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns};

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started or does not end with 0; the message has its output.
pub fn checked(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {}", line(command)))?;
    ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        line(command),
        output.status,
        said(&output)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command with `input` on its standard input.
///
/// # Errors
/// When it cannot be started. How it ended is in the answer.
pub fn fed(command: &mut Command, input: &[u8]) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", line(command)))?;
    let mut stdin = child.stdin.take().context("no pipe to the child")?;
    match stdin.write_all(input) {
        // It may answer without having read everything.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    drop(stdin);
    Ok(child.wait_with_output()?)
}

/// A command from words: program first.
pub fn words(words: &[&str]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or_default());
    command.args(words.iter().skip(1));
    command
}

/// What a person would have typed.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Both outputs of a program, for an error message.
fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    text.join(" ").trim().to_owned()
}

/// Makes a command start inside namespaces: network first, then mount.
#[allow(unsafe_code)]
pub fn enter(command: &mut Command, net: File, mount: Option<File>) {
    let enter = move || {
        setns(&net, CloneFlags::CLONE_NEWNET)?;
        if let Some(mount) = &mount {
            setns(mount, CloneFlags::CLONE_NEWNS)?;
        }
        Ok(())
    };
    // SAFETY: the closure runs between fork and exec and makes only system calls;
    // it neither allocates nor locks.
    unsafe { command.pre_exec(enter) };
}
