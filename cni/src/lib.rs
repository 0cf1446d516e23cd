//! The CNI plugin: one short-lived process for each verb.
//!
//! Owns: CNI's protocol (requests, results, error codes) and the container's network
//! namespace, which it changes through `dataplane`. Addresses and the host's side belong
//! to the node-manager, which is asked over its unix socket.
//! Never imports: a store, allocation, a server, the userspace engine.
//!
//! ```text
//! env, stdin -> request -> verb -> result or error -> output -> stdout
//!                           |  '-> dataplane -> the container's namespace
//!                           '----> node ------> node-manager
//! ```
//! Everything from outside is an argument ([`World`]), so that tests run a verb as the
//! runtime does, with or without a process of its own.

mod add;
mod check;
mod clock;
mod conf;
mod del;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gc;
mod node;
mod output;
mod request;
mod result;
mod sandbox;
mod status;
mod tombstone;
mod turn;
mod version;

use error::Error;
use request::Request;
use serde_json::Value;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use version::Version;
use wgcni_fault::around;

/// What a verb sees of the world.
pub struct World<'a> {
    /// The environment.
    pub env: request::Env<'a>,
    /// The network configuration.
    pub stdin: &'a mut dyn Read,
    /// Where the one answer goes.
    pub stdout: &'a mut dyn Write,
    /// Where words for people go.
    pub stderr: &'a mut dyn Write,
    /// A source of 32 random bytes.
    pub random: &'a dyn Fn() -> io::Result<[u8; 32]>,
}

/// Runs one verb; returns the exit code, 0 or 1.
pub fn run(world: World<'_>) -> u8 {
    let World { env, stdin, stdout, stderr, random } = world;
    let started = clock::since_boot();
    // The bytes are needed after a failure too: an error is written in their version.
    let mut bytes = Vec::new();
    // Nothing that a panic leaves half-done is looked at again.
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let Some(command) = request::command(env) else {
            return Ok(Answer::About);
        };
        let read = request::read_stdin(stdin, &mut bytes);
        // VERSION is answered whatever the rest looks like.
        if command != "VERSION" {
            read?;
        }
        serve(Request::parse(&command, env, &bytes, started)?, &bytes, random)
    }));
    match answer.unwrap_or_else(|panic| Err(Error::from_panic(panic.as_ref()))) {
        Ok(Answer::About) => output::words(stderr, &version::about()),
        Ok(Answer::Nothing) => 0,
        Ok(Answer::Json(value)) => around!("add.answer", output::answer(stdout, &value)),
        Err(error) => {
            // Without a version in stdin: the one that every runtime knows.
            let version = Version::named_by(&bytes).unwrap_or(Version::V100);
            output::failure(stdout, &error, version)
        }
    }
}

/// What goes out.
enum Answer {
    About,
    Nothing,
    Json(Value),
}

fn serve(request: Request, stdin: &[u8], random: Random) -> Result<Answer, Error> {
    match request {
        Request::Version => Ok(Answer::Json(version::version(stdin))),
        Request::Add(container) => add::add(&container, random).map(Answer::Json),
        Request::Del(container) => del::del(&container).map(|()| Answer::Nothing),
        Request::Check(container) => check::check(&container).map(|()| Answer::Nothing),
        Request::Gc(conf) => gc::gc(&conf).map(|()| Answer::Nothing),
        Request::Status(conf) => status::status(&conf).map(|()| Answer::Nothing),
    }
}

/// A source of 32 random bytes.
type Random<'a> = &'a dyn Fn() -> io::Result<[u8; 32]>;
