//! The audit log: lines of JSON, each with the hash of the one before.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use wgcni_model::Invalid;

/// SHA-256 of a line of the audit log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LineHash([u8; 32]);

impl LineHash {
    /// What stands for the line before the first.
    pub const BEGIN: Self = Self([0; 32]);

    /// The hash of a line, without its line end.
    pub fn of(line: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, line.as_bytes()).as_ref());
        Self(hash)
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineHash({self})")
    }
}

impl FromStr for LineHash {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let why = "is not unpadded base64url of 32 bytes";
        bytes.map(Self).ok_or_else(|| Invalid::new("hash", text, why))
    }
}

impl Serialize for LineHash {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineHash {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What happened, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its number; the first is 1.
    pub seq: u64,
    /// When, Unix time in milliseconds.
    pub time_ms: u64,
    /// Who did it: "root", "operator ann", "node ash", or an address.
    pub who: String,
    /// What was done: "join", "revoke", "ticket.create", …
    pub what: String,
    /// To whom or what.
    pub of: String,
    /// Why it was refused; none: it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What else is worth knowing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The hash of the line before.
    pub prev: LineHash,
}

impl AuditLine {
    /// Reads a line.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The line, without its end.
    pub fn to_text(&self) -> String {
        // Text and numbers only: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Where a chain of lines breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A line is no line of an audit log.
    #[error("line {0} is not what was written")]
    Unreadable(u64),
    /// A number is missing, or comes twice.
    #[error("line {expected} is missing: {found} follows")]
    Missing {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A line does not follow the one before.
    #[error("line {0} does not follow the one before: one of the two was changed")]
    Changed(u64),
}

/// Follows a chain of lines.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    last: Option<(u64, LineHash)>,
}

impl Chain {
    /// Takes the next line, whose number the keeper of the log says is `seq`.
    ///
    /// # Errors
    /// When it does not follow the one before. The first line that is taken is the oldest
    /// that was kept: unless its number is 1, nothing is known of what came before.
    pub fn follow(&mut self, seq: u64, line: &str) -> Result<AuditLine, Broken> {
        let read =
            AuditLine::parse(line).filter(|read| read.seq == seq).ok_or(Broken::Unreadable(seq))?;
        let begin = (seq == 1).then_some((0, LineHash::BEGIN));
        if let Some((before, hash)) = self.last.or(begin) {
            if seq != before + 1 {
                return Err(Broken::Missing { expected: before + 1, found: seq });
            }
            if read.prev != hash {
                return Err(Broken::Changed(seq));
            }
        }
        self.last = Some((seq, LineHash::of(line)));
        Ok(read)
    }

    /// Number and hash of the newest line.
    pub fn last(&self) -> Option<(u64, LineHash)> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines() -> Vec<(u64, String)> {
        let mut prev = LineHash::BEGIN;
        let line = |seq| {
            let line = AuditLine {
                seq,
                time_ms: seq * 1000,
                who: "root".into(),
                what: "ticket.create".into(),
                of: format!("ticket {seq}"),
                refused: (seq == 3).then(|| "expired".into()),
                note: String::new(),
                prev,
            };
            let text = line.to_text();
            prev = LineHash::of(&text);
            (seq, text)
        };
        (1..=5).map(line).collect()
    }

    fn verify(lines: &[(u64, String)]) -> Result<Option<(u64, LineHash)>, Broken> {
        let mut chain = Chain::default();
        for (seq, line) in lines {
            chain.follow(*seq, line)?;
        }
        Ok(chain.last())
    }

    #[test]
    fn an_edited_audit_log_does_not_verify() {
        let whole = lines();
        assert_eq!(verify(&whole).unwrap().unwrap().0, 5);
        assert_eq!(verify(&whole[2..]).unwrap().unwrap().0, 5);
        let mut changed = whole.clone();
        changed[2].1 = changed[2].1.replace("expired", "exPired");
        assert_eq!(verify(&changed), Err(Broken::Changed(4)));
        let mut renumbered = whole.clone();
        renumbered[2].0 = 9;
        assert_eq!(verify(&renumbered), Err(Broken::Unreadable(9)));
        let mut cut = whole.clone();
        cut.remove(2);
        assert_eq!(verify(&cut), Err(Broken::Missing { expected: 3, found: 4 }));
        let mut garbled = whole;
        garbled[4].1.truncate(20);
        assert_eq!(verify(&garbled), Err(Broken::Unreadable(5)));
        // Whoever makes the beginning up makes up all that follows.
        let made_up = lines()[0].1.replace("root", "toor");
        assert_eq!(verify(&[(1, made_up), lines()[1].clone()]), Err(Broken::Changed(2)));
    }
}
