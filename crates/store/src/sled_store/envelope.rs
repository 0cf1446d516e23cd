//! The bytes of an entry and of the store's summary: a format version, what they
//! say, and a checksum over all of it, the key included.
//!
//! ```text
//! entry    1 | kind 0 removed, 1 value | revision u64 | value ... | crc32 u32
//! summary  1 | history 32 bytes | revision | compacted | entries | digest, u64 each | crc32
//! ```
//! Numbers are big-endian.

use std::sync::Arc;

use wgcni_model::{History, Revision};

use crate::Key;
use crate::table::Entry;

const VERSION: u8 = 1;
const REMOVED: u8 = 0;
const VALUE: u8 = 1;
const CHECKSUM: usize = 4;

/// What a store says of itself, so that a missing record is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub history: History,
    pub revision: Revision,
    pub compacted: Revision,
    /// Number of entries, removed ones included.
    pub entries: u64,
    /// Sum of the entries' checksums.
    pub digest: u64,
}

pub(crate) fn encode_entry(key: &Key, entry: &Entry) -> Vec<u8> {
    let value = entry.value.as_deref();
    let mut bytes = vec![VERSION, if value.is_some() { VALUE } else { REMOVED }];
    bytes.extend_from_slice(&entry.revision.0.to_be_bytes());
    bytes.extend_from_slice(value.unwrap_or_default());
    seal(key.as_str().as_bytes(), bytes)
}

pub(crate) fn decode_entry(key: &Key, bytes: &[u8]) -> Result<Entry, String> {
    let body = unseal(key.as_str().as_bytes(), bytes)?;
    let (head, value) = body.split_at_checked(9).ok_or("is too short")?;
    let revision = Revision(number(&head[1..]));
    let value = match (head[0], value) {
        (VALUE, value) => Some(Arc::from(value)),
        (REMOVED, []) => None,
        (kind, _) => return Err(format!("has unknown kind {kind}")),
    };
    Ok(Entry { revision, value })
}

/// The checksum of an encoded entry, as the digest counts it.
pub(crate) fn checksum(encoded: &[u8]) -> u64 {
    number(&encoded[encoded.len().saturating_sub(CHECKSUM)..])
}

const SUMMARY: &[u8] = b"summary";

pub(crate) fn encode_summary(summary: &Summary) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(summary.history.to_string().as_bytes());
    for number in [summary.revision.0, summary.compacted.0, summary.entries, summary.digest] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    seal(SUMMARY, bytes)
}

pub(crate) fn decode_summary(bytes: &[u8]) -> Result<Summary, String> {
    let body = unseal(SUMMARY, bytes)?;
    let (history, numbers) = body.split_at_checked(32).ok_or("is too short")?;
    let history = std::str::from_utf8(history).map_err(|_| "has a bad history")?;
    let (numbers, rest) = numbers.as_chunks::<8>();
    let (&[revision, compacted, entries, digest], []) = (numbers, rest) else {
        return Err("has a bad length".to_owned());
    };
    Ok(Summary {
        history: history.parse().map_err(|_| "has a bad history")?,
        revision: Revision(u64::from_be_bytes(revision)),
        compacted: Revision(u64::from_be_bytes(compacted)),
        entries: u64::from_be_bytes(entries),
        digest: u64::from_be_bytes(digest),
    })
}

fn seal(name: &[u8], mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = crc(name, &bytes);
    bytes.extend_from_slice(&sum.to_be_bytes());
    bytes
}

/// What is between version and checksum, when both are right.
fn unseal<'a>(name: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let length = bytes.len().checked_sub(CHECKSUM).ok_or("is too short")?;
    let (body, sum) = bytes.split_at(length);
    if number(sum) != u64::from(crc(name, body)) {
        return Err("has a wrong checksum".to_owned());
    }
    match body.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((version, _)) => {
            Err(format!("has format version {version}, and this program knows {VERSION} only"))
        }
        None => Err("is too short".to_owned()),
    }
}

fn crc(name: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name);
    hasher.update(body);
    hasher.finalize()
}

/// A big-endian number of at most 8 bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_survive_and_no_changed_byte_is_read(
            value in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
            revision: u64, at: prop::sample::Index, flip in 1u8..
        ) {
            let key = Key::new("table", "key");
            let entry = Entry { revision: Revision(revision), value: value.map(Arc::from) };
            let mut bytes = encode_entry(&key, &entry);
            prop_assert_eq!(decode_entry(&key, &bytes).unwrap(), entry);
            prop_assert!(decode_entry(&Key::new("table", "other"), &bytes).is_err());
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(decode_entry(&key, &bytes).is_err());
            prop_assert!(decode_entry(&key, &bytes[..at]).is_err());
        }

        #[test]
        fn reading_is_total(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode_summary(&bytes).is_err());
            prop_assert!(decode_entry(&Key::new("t", "k"), &bytes).is_err());
        }
    }

    #[test]
    fn unknown_version_is_told() {
        let bytes = seal(b"t/k", vec![9, 0, 0]);
        let error = decode_entry(&Key::new("t", "k"), &bytes).unwrap_err();
        assert_eq!(error, "has format version 9, and this program knows 1 only");
    }
}
