//! Guides in `docs/` that a test walks: their commands, in order, on the machines that
//! they say.
//!
//! A block of commands is fenced as `sh`, and its first line says what becomes of it:
//!
//! ```text
//! sh on ash                  run there; `on ash+birch`: there and there
//! sh on ash gives ADDRESS    and the last address that it prints stands for the word
//!                            ADDRESS in all blocks after it
//! sh not run: REASON         left to people
//! ```
//! Blocks in another language are no commands; a block without one is a mistake.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::command::fed;
use crate::host::Host;
use crate::programs;

/// Languages of blocks that hold no commands.
const OTHERS: [&str; 7] = ["text", "json", "toml", "hcl", "ini", "yaml", "dockerfile"];

/// What becomes of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// It is run on these machines, one after the other; an address that it prints may get
    /// a name.
    Run {
        /// Names of the machines.
        on: Vec<String>,
        /// Name of the address.
        gives: Option<String>,
    },
    /// It is not, and why.
    Left(String),
}

/// A block of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Line of the guide on which it begins.
    pub line: usize,
    /// What becomes of it.
    pub used: Use,
    /// Its commands.
    pub text: String,
}

/// Finds the blocks of commands in Markdown.
///
/// # Errors
/// A block that does not say what becomes of it; with its line.
pub fn blocks(markdown: &str) -> Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut open: Option<(usize, Option<Use>, Vec<&str>)> = None;
    for (number, line) in markdown.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, None) => {}
            (None, Some(label)) => {
                let used = label_of(label).with_context(|| format!("line {}", number + 1))?;
                open = Some((number + 1, used, Vec::new()));
            }
            (Some((_, _, lines)), None) => lines.push(line),
            (Some(_), Some(_)) => {
                if let Some((line, Some(used), lines)) = open.take() {
                    found.push(Block { line, used, text: lines.join("\n") });
                }
            }
        }
    }
    ensure!(open.is_none(), "the last block has no end");
    Ok(found)
}

/// The commands below a heading of the second level that are to be run.
///
/// # Errors
/// No such heading, or as [`blocks`].
pub fn commands_below(heading: &str, markdown: &str) -> Result<Vec<String>> {
    let start = markdown.find(&format!("\n## {heading}\n"));
    let start = start.with_context(|| format!("no heading {heading}"))?;
    let section = markdown[start + 1..].split("\n## ").next().unwrap_or_default();
    let run = blocks(section)?.into_iter().filter(|block| matches!(block.used, Use::Run { .. }));
    Ok(run.map(|block| block.text).collect())
}

fn label_of(label: &str) -> Result<Option<Use>> {
    let label = label.trim();
    if OTHERS.contains(&label) {
        return Ok(None);
    }
    if let Some(reason) = label.strip_prefix("sh not run: ") {
        return Ok(Some(Use::Left(reason.to_owned())));
    }
    let words: Vec<&str> = label.split_whitespace().collect();
    let (on, gives) = match words.as_slice() {
        ["sh", "on", on] => (on, None),
        ["sh", "on", on, "gives", name] => (on, Some((*name).to_owned())),
        _ => bail!("{label:?} does not say what becomes of the block"),
    };
    Ok(Some(Use::Run { on: on.split('+').map(str::to_owned).collect(), gives }))
}

/// A machine on which blocks are run.
pub trait Machine {
    /// Runs commands by a shell that ends at the first that fails; what they print.
    ///
    /// # Errors
    /// With what they said when they fail.
    fn run(&self, commands: &str) -> Result<String>;
}

/// A host of a lab as a machine: it has its own name, our programs on its path, and these
/// variables.
#[derive(Debug)]
pub struct Shell<'a> {
    host: &'a Host,
    variables: Vec<(String, String)>,
}

impl<'a> Shell<'a> {
    /// A shell on a host.
    pub fn new(host: &'a Host) -> Self {
        Self { host, variables: Vec::new() }
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }
}

impl Machine for Shell<'_> {
    fn run(&self, commands: &str) -> Result<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", programs::directory()?.display());
        let mut command = self.host.command("unshare")?;
        let named = "hostname \"$0\"; exec bash -euo pipefail -c \"$1\"";
        command.args(["--uts", "bash", "-c", named, self.host.name(), commands]);
        command.env("PATH", path);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let done = fed(&mut command, b"")?;
        let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        ensure!(done.status.success(), "on {}: {}: {out}{err}", self.host.name(), done.status);
        Ok(out.into_owned())
    }
}

/// Walks a guide: runs all of its blocks that are to be run; what they printed.
///
/// # Errors
/// A block that says nothing of what becomes of it, or fails, or is for a machine that is
/// not among these.
pub fn walk(guide: &Path, machines: &BTreeMap<&str, &dyn Machine>) -> Result<String> {
    let text = std::fs::read_to_string(guide).with_context(|| guide.display().to_string())?;
    let mut names = BTreeMap::new();
    let mut printed = String::new();
    for Block { line, used, text } in blocks(&text)? {
        let at = || format!("{}:{line}", guide.display());
        let Use::Run { on, gives } = used else { continue };
        let text = names.iter().fold(text, |text, (name, address): (&String, &String)| {
            text.replace(name.as_str(), address)
        });
        for name in on {
            let machine = machines.get(name.as_str()).with_context(|| format!("no {name}"));
            let out = machine.and_then(|machine| machine.run(&text)).with_context(at)?;
            printed.push_str(&out);
            if let Some(name) = &gives {
                let address = last_address(&out).with_context(|| format!("no address in {out}"));
                names.insert(name.clone(), address.with_context(at)?.to_string());
            }
        }
    }
    Ok(printed)
}

fn last_address(text: &str) -> Option<IpAddr> {
    let words = text.split(|c: char| c.is_whitespace() || c == '/' || c == '"' || c == ',');
    words.rev().find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn blocks_say_what_becomes_of_them() {
        let markdown = "a\n```sh on ash+birch gives ADDRESS\nip address\nid\n```\n\n\
                        ```text\noutput\n```\n```sh not run: no registry\nctr pull\n```\n";
        let on = vec!["ash".to_owned(), "birch".to_owned()];
        let run = Use::Run { on, gives: Some("ADDRESS".to_owned()) };
        let left = Use::Left("no registry".to_owned());
        let expected = [
            Block { line: 2, used: run, text: "ip address\nid".to_owned() },
            Block { line: 10, used: left, text: "ctr pull".to_owned() },
        ];
        assert_eq!(blocks(markdown).unwrap(), expected);
        let below = format!("# a\n\n## b\n\n## c\n{markdown}\n## d\n```sh on ash\nid\n```\n");
        assert_eq!(commands_below("c", &below).unwrap(), ["ip address\nid"]);
        commands_below("e", &below).unwrap_err();
        for wrong in ["```\nid\n```", "```sh\nid\n```", "```sh on\n```", "```sh on ash\nid"] {
            blocks(wrong).unwrap_err();
        }
        assert_eq!(blocks("```sh\n```").unwrap_err().to_string(), "line 1");
    }

    #[test]
    fn the_last_address_is_found() {
        let text = "eth0  UP  10.64.0.2/32 fd00::2/128\n";
        assert_eq!(last_address(text).unwrap().to_string(), "fd00::2");
        assert_eq!(
            last_address("{\"address\": \"10.64.0.3/32\"}").unwrap().to_string(),
            "10.64.0.3"
        );
        assert_eq!(last_address("none"), None);
    }
}
