//! The keys of a configuration, for people: what its reference, its man page and its
//! default file are made of.
//!
//! A key's help is the comment of its field. The first paragraph ends with what holds when
//! nobody sets it:
//!
//! - `[default: VALUE]`: this value, as a flag would give it, in backticks or without;
//! - `[else: WORDS]`: what is not one value;
//! - `[init: WORDS]`: what the program's `init` makes up.

use clap::{Arg, ArgAction, Args};
use serde::de::DeserializeOwned;
use toml::Value;

use super::{args, from_text, variable};

/// One key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// As it is in the file.
    pub name: String,
    /// The flag, with its dashes.
    pub flag: String,
    /// The environment variable.
    pub variable: String,
    /// What it is for, in one line.
    pub summary: String,
    /// More about it; may be empty.
    pub details: String,
    /// The value that holds when nobody sets it.
    pub default: Option<Value>,
    /// In words, where there is no such value.
    pub otherwise: Option<String>,
    /// What `init` makes up.
    pub init: Option<String>,
}

/// All keys, in the order of their fields.
///
/// # Errors
/// Names the key whose `[default: …]` is no value of its type.
pub fn keys<T: Args + DeserializeOwned>() -> Result<Vec<Key>, String> {
    args::<T>().iter().map(key::<T>).collect()
}

fn key<T: DeserializeOwned>(arg: &Arg) -> Result<Key, String> {
    let name = arg.get_id().to_string();
    let short = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let long = arg.get_long_help().map(ToString::to_string).unwrap_or_default();
    let details = long.strip_prefix(&short).unwrap_or_default();
    let mut summary = one_line(&short);
    let mut marks = |mark| take(&mut summary, mark);
    let (init, otherwise, default) = (marks("init"), marks("else"), marks("default"));
    let list = matches!(arg.get_action(), ArgAction::Append);
    let default =
        default.map(|text| from_text::<T>(&name, &[text.replace('`', "")], list)).transpose();
    Ok(Key {
        flag: format!("--{}", arg.get_long().unwrap_or(&name)),
        variable: variable(arg),
        details: one_line(details),
        default: default.map_err(|why| format!("default of {name}: {why}"))?,
        name,
        summary,
        otherwise,
        init,
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Takes `[mark: WORDS]` out of a text.
fn take(text: &mut String, mark: &str) -> Option<String> {
    let begin = format!(" [{mark}: ");
    let at = text.find(&begin)?;
    let end = at + text[at..].find(']')?;
    let words = text[at + begin.len()..end].to_owned();
    text.replace_range(at..=end, "");
    Some(words)
}
