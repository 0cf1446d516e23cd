//! Configuration in layers: the file, over it the `WGCNI_…` variables, over them
//! the flags. Every mistake is found in one go and says which key it is about and
//! where the value came from.
//!
//! A program describes its keys once, as a struct of `Option` fields:
//!
//! ```
//! # use wgcni_daemon::config::{File, Flags, layered};
//! #[derive(Debug, Default, serde::Deserialize, clap::Args)]
//! struct Settings {
//!     /// Address to listen on.
//!     #[arg(long, env = "WGCNI_LISTEN")]
//!     listen: Option<std::net::SocketAddr>,
//! }
//!
//! #[derive(clap::Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     settings: Flags<Settings>,
//! }
//! # use clap::Parser;
//! let cli = Cli::parse_from(["x", "--listen", "127.0.0.1:1"]);
//! let layered = layered(&File::optional("/nowhere.toml"), &cli.settings);
//! assert_eq!(layered.finish().unwrap().listen, "127.0.0.1:1".parse().ok());
//! ```

mod mistakes;
pub mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

pub use mistakes::{ConfigErrors, Mistake, Origin};

/// Where the file layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path of the TOML file.
    pub path: PathBuf,
    /// Whether it is a mistake that it is missing.
    pub required: bool,
}

impl File {
    /// A file that may be missing.
    pub fn optional(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), required: false }
    }

    /// The file that was named, which must exist, else the default, which may.
    pub fn named_or(named: Option<PathBuf>, default: &str) -> Self {
        Self { required: named.is_some(), path: named.unwrap_or_else(|| default.into()) }
    }
}

/// The flags and variables for the keys of `T`, unparsed: so that a wrong one is
/// reported together with the others.
#[derive(Debug, Clone)]
pub struct Flags<T> {
    given: BTreeMap<String, (Origin, Vec<String>)>,
    keys: PhantomData<fn() -> T>,
}

impl<T> Default for Flags<T> {
    fn default() -> Self {
        Self { given: BTreeMap::new(), keys: PhantomData }
    }
}

impl<T: Args> Args for Flags<T> {
    fn augment_args(command: Command) -> Command {
        let ours = keys::<T>();
        // Text instead of `T`'s own types: those are read by `layered`.
        T::augment_args(command).mut_args(move |arg| {
            if ours.contains(arg.get_id().as_str()) {
                arg.value_parser(clap::value_parser!(String))
            } else {
                arg
            }
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Args> FromArgMatches for Flags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for arg in args::<T>() {
            let id = arg.get_id().as_str();
            let Some(values) = matches.get_many::<String>(id) else {
                continue;
            };
            let origin = match matches.value_source(id) {
                Some(ValueSource::EnvVariable) => Origin::Variable(variable(&arg)),
                _ => Origin::Flag(format!("--{}", arg.get_long().unwrap_or(id))),
            };
            self.given.insert(id.to_owned(), (origin, values.cloned().collect()));
        }
        Ok(())
    }
}

fn args<T: Args>() -> Vec<Arg> {
    let command = T::augment_args(Command::new("keys"));
    command.get_arguments().cloned().collect()
}

fn keys<T: Args>() -> BTreeSet<String> {
    args::<T>().iter().map(|arg| arg.get_id().to_string()).collect()
}

fn variable(arg: &Arg) -> String {
    let name = arg.get_env().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The layers as one, with the mistakes found so far.
#[derive(Debug)]
pub struct Layered<T> {
    /// What could be read; a key with a mistake is missing.
    pub settings: T,
    origins: BTreeMap<String, Origin>,
    mistakes: Vec<Mistake>,
}

impl<T> Layered<T> {
    /// Adds what only the program can see: that the value of `key` cannot be used.
    pub fn reject(&mut self, key: &str, message: impl fmt::Display) {
        self.mistakes.push(Mistake {
            key: key.to_owned(),
            origin: self.origins.get(key).cloned().unwrap_or(Origin::Default),
            message: message.to_string(),
        });
    }

    /// Whether a mistake was found in this key's value already.
    pub fn is_rejected(&self, key: &str) -> bool {
        self.mistakes.iter().any(|mistake| mistake.key == key)
    }

    /// The settings.
    ///
    /// # Errors
    /// All mistakes, in the order of their keys.
    pub fn finish(mut self) -> Result<T, ConfigErrors> {
        if self.mistakes.is_empty() {
            return Ok(self.settings);
        }
        self.mistakes.sort_by(|a, b| a.key.cmp(&b.key));
        Err(ConfigErrors(self.mistakes))
    }
}

/// Reads the file and lays the flags and variables over it.
pub fn layered<T: Args + DeserializeOwned + Default>(file: &File, flags: &Flags<T>) -> Layered<T> {
    let mut layered =
        Layered { settings: T::default(), origins: BTreeMap::new(), mistakes: Vec::new() };
    let mut good = Table::new();
    match read(file) {
        Ok(table) => from_file::<T>(&mut layered, &mut good, table, &file.path),
        Err(message) => layered.mistakes.push(Mistake {
            key: String::new(),
            origin: Origin::File(file.path.clone()),
            message,
        }),
    }
    from_flags(&mut layered, &mut good, flags);
    match good.try_into() {
        Ok(settings) => layered.settings = settings,
        // Each key was read alone before, so only a rule across keys gets here.
        Err(error) => layered.reject("", reason(&error)),
    }
    layered
}

fn from_file<T: Args + DeserializeOwned>(
    layered: &mut Layered<T>,
    good: &mut Table,
    table: Table,
    path: &Path,
) {
    let known = keys::<T>();
    for (key, value) in table {
        let origin = Origin::File(path.to_owned());
        layered.origins.insert(key.clone(), origin);
        if !known.contains(&key) {
            layered.reject(&key, "no such key");
        } else if let Err(message) = fits::<T>(&key, &value) {
            layered.reject(&key, message);
        } else {
            good.insert(key, value);
        }
    }
}

fn from_flags<T: Args + DeserializeOwned>(
    layered: &mut Layered<T>,
    good: &mut Table,
    flags: &Flags<T>,
) {
    let args = args::<T>();
    for (key, (origin, texts)) in &flags.given {
        layered.origins.insert(key.clone(), origin.clone());
        let list = args.iter().any(|arg| {
            arg.get_id() == key.as_str() && matches!(arg.get_action(), ArgAction::Append)
        });
        match from_text::<T>(key, texts, list) {
            Ok(value) => {
                good.insert(key.clone(), value);
            }
            Err(message) => layered.reject(key, message),
        }
    }
}

fn read(file: &File) -> Result<Table, String> {
    match fs::read_to_string(&file.path) {
        Ok(text) => text.parse().map_err(|error: toml::de::Error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !file.required => Ok(Table::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// The value that a flag's text stands for: a list for keys that take many, else
/// the text itself where the key's type reads text, else what TOML makes of it.
fn from_text<T: DeserializeOwned>(
    key: &str,
    texts: &[String],
    list: bool,
) -> Result<Value, String> {
    if list {
        let items = texts.iter().flat_map(|text| text.split(','));
        let items = items.map(str::trim).filter(|item| !item.is_empty());
        let value = Value::Array(items.map(|item| Value::String(item.to_owned())).collect());
        return fits::<T>(key, &value).map(|()| value);
    }
    let text = texts.last().cloned().unwrap_or_default();
    let read = format!("value = {text}").parse::<Table>().ok();
    let value = Value::String(text);
    let Err(message) = fits::<T>(key, &value) else {
        return Ok(value);
    };
    read.and_then(|mut table| table.remove("value"))
        .filter(|value| fits::<T>(key, value).is_ok())
        .ok_or(message)
}

/// Reads one key alone: all others are optional.
fn fits<T: DeserializeOwned>(key: &str, value: &Value) -> Result<(), String> {
    let table = Table::from_iter([(key.to_owned(), value.clone())]);
    table.try_into::<T>().map(|_| ()).map_err(|error| reason(&error))
}

/// The message without the lines that point into a text that nobody wrote.
fn reason(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

#[cfg(test)]
mod tests;
