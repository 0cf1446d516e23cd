//! Runs the body of a fuzz target as a property test: a bounded number of times, over its
//! corpus, over bytes made from that, and over noise.
//!
//! A body is `fn(&[u8])` and panics where something is wrong. It lives in the `fuzzing`
//! module of the crate whose bytes they are, which exists in tests and with the feature
//! `fuzzing`; `fuzz/` calls the same with libFuzzer. Only tests use this crate.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

/// How many inputs are made for each target.
const CASES: u32 = 2_000;

/// Largest repeated part; no input is more than twice as large.
const LARGEST: usize = 1 << 14;

/// Where the corpora are.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");

/// Pieces that parsers care for.
const TOKENS: [&[u8]; 12] = [
    b"\0",
    b"\xff",
    b"\x80",
    b"{",
    b"[[[[[[[[",
    b"\"",
    b"\\u0000",
    b"null",
    b"-1",
    b"\n",
    b"=",
    b"/",
];

/// Runs `check` over the corpus of `target`, and over bytes made from it.
///
/// # Panics
/// Where `check` does, with the smallest input that was found; and without a corpus.
pub fn bounded(target: &str, check: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "fuzz/corpus/{target} is empty");
    for bytes in &corpus {
        check(bytes);
    }
    let noise = prop::collection::vec(any::<u8>(), 0..300);
    let changed = (select(corpus.clone()), prop::collection::vec(edit(corpus), 1..6));
    let changed = changed.prop_map(|(bytes, edits)| edits.iter().fold(bytes, apply));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let inputs = prop_oneof![1 => noise, 5 => changed];
    let outcome = TestRunner::new(config).run(&inputs, |bytes| {
        check(&bytes);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{target}: {error}");
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(CORPUS).join(target);
    let entries = fs::read_dir(&directory);
    let entries = entries.unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

/// A change of some bytes.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index, usize),
}

fn edit(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let token = select(&TOKENS[..]).prop_map(<[u8]>::to_vec);
    let part = (select(corpus), at(), at()).prop_map(|(bytes, from, to)| {
        let (from, to) = span(&bytes, from, to);
        bytes[from..to].to_vec()
    });
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), token).prop_map(|(at, token)| Edit::Insert(at, token)),
        1 => (at(), part).prop_map(|(at, part)| Edit::Insert(at, part)),
        1 => (at(), at()).prop_map(|(from, to)| Edit::Remove(from, to)),
        1 => (at(), at(), 2usize..200).prop_map(|(from, to, n)| Edit::Repeat(from, to, n)),
    ]
}

fn span(bytes: &[u8], one: Index, other: Index) -> (usize, usize) {
    let (one, other) = (one.index(bytes.len() + 1), other.index(bytes.len() + 1));
    (one.min(other), one.max(other))
}

fn apply(mut bytes: Vec<u8>, edit: &Edit) -> Vec<u8> {
    match edit {
        Edit::Set(..) if bytes.is_empty() => {}
        Edit::Set(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Edit::Insert(at, more) => {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, more.iter().copied());
        }
        Edit::Remove(from, to) => {
            let (from, to) = span(&bytes, *from, *to);
            bytes.drain(from..to);
        }
        Edit::Repeat(from, to, times) => {
            let (from, to) = span(&bytes, *from, *to);
            let times = (*times).min(LARGEST / (to - from).max(1));
            let more = bytes[from..to].repeat(times);
            bytes.splice(to..to, more);
        }
    }
    bytes.truncate(2 * LARGEST);
    bytes
}
