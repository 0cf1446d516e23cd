//! The Connect protocol in its plainest form: one JSON message each way over
//! HTTP/1.0. Enough to look around and to put load on, with no dependency.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Calls a unary method, e.g. `wgcni.ipam.v1.IpamService/List`, over an open
/// connection, which it uses up.
///
/// # Errors
/// When the connection breaks or the answer is an error; its code and message are
/// in the text.
pub fn call(stream: &mut (impl Read + Write), method: &str, request: &Value) -> Result<Value> {
    let body = request.to_string();
    let head = format!(
        "POST /{method} HTTP/1.0\r\nHost: lab\r\nContent-Type: application/json\r\n\
         Connect-Protocol-Version: 1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is cut off")?;
    let status = head.split(' ').nth(1).context("no status")?;
    if status != "200" {
        bail!("{method}: {status} {body}");
    }
    serde_json::from_str(body).with_context(|| format!("{method}: {body}"))
}
