//! The audit log: each line is written in the transaction whose doing it tells.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use wgcni_identity::{AuditLine, LineHash, Role};
use wgcni_model::NodeName;
use wgcni_store::Transaction;

use super::rows::{AuditHeadRow, AuditRow, audit_head_key, audit_key};
use super::{Members, millis};
use crate::records::Row;

/// Most lines that are kept; a chain whose beginning was forgotten still verifies.
const MAX_LINES: u64 = 100_000;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Root on the cluster-manager's machine.
    Root,
    /// A member.
    Member(Role, NodeName),
    /// Somebody unknown, from an address.
    Anonymous(SocketAddr),
    /// Whoever has a token, by its id.
    Token(wgcni_identity::TicketId),
    /// The cluster-manager, told by the whitelist directory or by time.
    ClusterManager,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Member(role, name) => write!(f, "{role} {name}"),
            Self::Anonymous(source) => write!(f, "{source}"),
            Self::Token(id) => write!(f, "token {id}"),
            Self::ClusterManager => f.write_str("cluster-manager"),
        }
    }
}

/// A line to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub who: Actor,
    pub what: &'static str,
    pub of: String,
    pub refused: Option<String>,
    pub note: String,
}

impl Entry {
    /// Something that was done.
    pub fn new(who: &Actor, what: &'static str, of: impl fmt::Display) -> Self {
        let (who, of) = (who.clone(), of.to_string());
        Self { who, what, of, refused: None, note: String::new() }
    }

    /// With what else is worth knowing.
    pub fn note(mut self, note: impl fmt::Display) -> Self {
        self.note = note.to_string();
        self
    }

    /// Something that was refused.
    pub fn refused(mut self, why: impl fmt::Display) -> Self {
        self.refused = Some(why.to_string());
        self
    }
}

impl Members {
    /// The transaction, and the line that tells it.
    pub fn audited(&self, transaction: Transaction, entry: Entry, now: Duration) -> Transaction {
        let head = self.audit_head.as_ref();
        let begin = AuditHeadRow { seq: 0, hash: LineHash::BEGIN, first: 1 };
        let last = head.map_or(&begin, |head| &head.row);
        let seq = last.seq + 1;
        let Entry { who, what, of, refused, note } = entry;
        let line = AuditLine {
            seq,
            time_ms: millis(now),
            who: who.to_string(),
            what: what.to_owned(),
            of,
            refused,
            note,
            prev: last.hash,
        };
        let line = line.to_text();
        let first = last.first.max((seq + 1).saturating_sub(MAX_LINES));
        let next = AuditHeadRow { seq, hash: LineHash::of(&line), first };
        let transaction = match head {
            Some(head) => transaction.replace(&audit_head_key(), head.revision, next.encode()),
            None => transaction.create(&audit_head_key(), next.encode()),
        };
        let transaction = (last.first..first).fold(transaction, |t, old| t.delete(&audit_key(old)));
        transaction.put(&audit_key(seq), AuditRow { line }.encode())
    }
}
