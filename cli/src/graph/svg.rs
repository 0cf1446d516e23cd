//! A picture, drawn by graphviz.

use std::io::ErrorKind;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::Failure;
use crate::table::clean;

/// The text in the DOT language as SVG: it goes to the program's stdin, no shell is asked.
pub(super) async fn render(dot: &str) -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("dot");
    command.arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::failed(
            "dot is not installed: install graphviz (`apt install graphviz`), or take \
             `--format dot` and draw it elsewhere",
        ),
        _ => Failure::failed(format!("run dot: {error}")),
    })?;
    let stdin = child.stdin.take();
    // Both at once: neither pipe may fill up while the other waits.
    let write = async {
        if let Some(mut stdin) = stdin {
            // What it thinks of an end that came early, it says itself.
            let _ = stdin.write_all(dot.as_bytes()).await;
        }
    };
    let ((), done) = tokio::join!(write, child.wait_with_output());
    let done = done.map_err(|error| Failure::failed(format!("run dot: {error}")))?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Failure::failed(format!("dot: {}: {}", done.status, clean(said.trim()))))
}
