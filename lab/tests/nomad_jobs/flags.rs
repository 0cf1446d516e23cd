//! What the programs know, by their own words: `--help`.

use std::collections::BTreeSet;
use std::process::Command;

use wgcni_lab::programs;

/// What a program says about itself or one of its subcommands; none if it has no such.
pub fn help(program: &str, subcommand: &str) -> Option<String> {
    let mut command = Command::new(programs::find(program).ok()?);
    command.args(subcommand.split_whitespace()).arg("--help");
    let output = command.env_clear().output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The words of a help, with `--flag` and `WGCNI_VARIABLE` among them.
pub fn words(text: &str) -> BTreeSet<&str> {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    text.split(|letter: char| !inside(letter)).collect()
}

/// The one or two words that a command line begins with: `serve`, or `ticket create`.
fn subcommand(program: &str, arguments: &[String]) -> String {
    let first = arguments.first().cloned().unwrap_or_default();
    let second = arguments.get(1).filter(|word| word.bytes().all(|b| b.is_ascii_lowercase()));
    let both = second.map(|second| format!("{first} {second}"));
    both.filter(|both| help(program, both).is_some()).unwrap_or(first)
}

/// What a program does not know of a command line and of the variables that are set for it.
pub fn unknown(program: &str, arguments: &[String], variables: &BTreeSet<String>) -> Vec<String> {
    let subcommand = &subcommand(program, arguments);
    let Some(help) = help(program, subcommand) else {
        return vec![format!("{program} {subcommand}")];
    };
    let known = words(&help);
    let flags = arguments.iter().filter(|word| word.starts_with("--"));
    let flags = flags.map(|flag| flag.split('=').next().unwrap_or_default());
    flags
        .chain(variables.iter().map(String::as_str))
        .filter(|word| !known.contains(word))
        .map(|word| format!("{program} {subcommand} {word}"))
        .collect()
}
