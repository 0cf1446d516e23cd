#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use clap::Parser;
use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize, clap::Args)]
struct Settings {
    /// Where to listen.
    #[arg(long, env = "WGCNI_TEST_LISTEN")]
    listen: Option<SocketAddr>,
    /// A number.
    #[arg(long, env = "WGCNI_TEST_LENGTH")]
    length: Option<u8>,
    /// A switch.
    #[arg(long, env = "WGCNI_TEST_LOUD", num_args = 0..=1, default_missing_value = "true")]
    loud: Option<bool>,
    /// A list.
    #[arg(long, env = "WGCNI_TEST_PORTS")]
    ports: Option<Vec<String>>,
}

#[derive(Debug, clap::Parser)]
struct Cli {
    #[command(flatten)]
    settings: Flags<Settings>,
    #[arg(long)]
    other: Option<u32>,
}

fn flags(args: &[&str]) -> Flags<Settings> {
    let cli = Cli::try_parse_from([&["x"], args].concat()).unwrap();
    assert!(cli.other.is_none());
    cli.settings
}

fn file(text: &str) -> (tempfile::NamedTempFile, File) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let layer = File::named_or(Some(file.path().to_owned()), "/unused");
    (file, layer)
}

#[test]
fn flags_win_over_the_file() {
    let (_keep, file) = file("listen = \"127.0.0.1:1\"\nlength = 3\nports = [\"a\"]\n");
    let flags = flags(&["--length", "7", "--loud", "--ports", "b,c", "--ports", "d"]);
    let settings = layered(&file, &flags).finish().unwrap();
    let ports = ["b", "c", "d"].map(str::to_owned).to_vec();
    assert_eq!(
        settings,
        Settings {
            listen: "127.0.0.1:1".parse().ok(),
            length: Some(7),
            loud: Some(true),
            ports: Some(ports),
        }
    );
}

#[test]
fn missing_default_file_is_no_mistake_but_a_missing_named_one_is() {
    let none = layered::<Settings>(&File::optional("/nowhere/x.toml"), &flags(&[]));
    assert_eq!(none.finish().unwrap(), Settings::default());
    let named = File::named_or(Some("/nowhere/x.toml".into()), "/unused");
    let error = layered::<Settings>(&named, &flags(&[])).finish().unwrap_err();
    assert!(error.to_string().contains("/nowhere/x.toml: No such file"), "{error}");
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_origin() {
    let (_keep, file) = file("listen = 5\ncolour = \"red\"\nloud = true\n");
    let mut layered = layered(&file, &flags(&["--length", "999"]));
    assert!(layered.is_rejected("length"));
    layered.reject("loud", "too loud");
    layered.reject("ports", "needed");
    let path = Origin::File(file.path.clone());
    let origins = layered.finish().unwrap_err().0;
    let origins: Vec<_> = origins.into_iter().map(|m| (m.key, m.origin)).collect();
    assert_eq!(
        origins,
        [
            ("colour".to_owned(), path.clone()),
            ("length".to_owned(), Origin::Flag("--length".to_owned())),
            ("listen".to_owned(), path.clone()),
            ("loud".to_owned(), path),
            ("ports".to_owned(), Origin::Default),
        ]
    );
}

#[test]
fn broken_file_is_named_with_the_line() {
    let (_keep, file) = file("listen = \n");
    let error = layered(&file, &flags(&[])).finish().unwrap_err().to_string();
    assert!(error.contains(&*file.path.to_string_lossy()), "{error}");
    assert!(error.contains("line 1"), "{error}");
}

#[test]
fn variable_is_named_as_the_origin() {
    // Whoever runs the tests has this one: read as text it is no address.
    #[derive(Debug, Default, Deserialize, clap::Args)]
    struct Odd {
        /// Not ours.
        #[arg(long, env = "PATH")]
        path: Option<SocketAddr>,
    }
    #[derive(Debug, clap::Parser)]
    struct OddCli {
        #[command(flatten)]
        settings: Flags<Odd>,
    }
    let cli = OddCli::try_parse_from(["x"]).unwrap();
    let layered = layered(&File::optional("/nowhere"), &cli.settings);
    assert!(layered.settings.path.is_none());
    let error = layered.finish().unwrap_err();
    assert!(error.to_string().contains("path (variable PATH): "), "{error}");
}

#[test]
fn keys_say_what_holds_when_nobody_sets_them() {
    #[derive(Debug, Default, Deserialize, clap::Args)]
    #[allow(dead_code)]
    struct Told {
        /// How many of
        /// them [default: 7]
        ///
        /// Not
        /// more.
        #[arg(long, env = "WGCNI_TEST_MANY")]
        many: Option<u8>,
        /// Which ones [init: random] [default: a,b]
        #[arg(long, env = "WGCNI_TEST_ONES")]
        ones: Option<Vec<String>>,
        /// Where [else: as they said]
        #[arg(long, env = "WGCNI_TEST_PLACE")]
        the_place: Option<String>,
    }
    let keys = reference::keys::<Told>().unwrap();
    let [many, ones, place] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!((many.summary.as_str(), many.details.as_str()), ("How many of them", "Not more."));
    assert_eq!(many.default, Some(Value::Integer(7)));
    assert_eq!((many.variable.as_str(), place.flag.as_str()), ("WGCNI_TEST_MANY", "--the-place"));
    let list = ["a", "b"].map(|text| Value::String(text.to_owned())).to_vec();
    assert_eq!(
        (ones.default.clone(), ones.init.as_deref()),
        (Some(Value::Array(list)), Some("random"))
    );
    assert_eq!((place.default.clone(), place.otherwise.as_deref()), (None, Some("as they said")));
}

#[test]
fn default_that_cannot_be_one_is_an_error() {
    #[derive(Debug, Default, Deserialize, clap::Args)]
    #[allow(dead_code)]
    struct Wrong {
        /// How many [default: seven]
        #[arg(long)]
        many: Option<u8>,
    }
    let error = reference::keys::<Wrong>().unwrap_err();
    assert!(error.starts_with("default of many: "), "{error}");
}
