//! Members' live connections.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use wgcni_identity::{IdentityId, Pin, Role};

type Member = (Role, IdentityId);

/// Members' live connections; clones share them.
#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    next: u64,
    /// Oldest first.
    connections: HashMap<Member, VecDeque<Connection>>,
}

struct Connection {
    number: u64,
    key: Pin,
    cut: CancellationToken,
}

impl Live {
    /// Cuts at once whatever is not kept, streams under way included, and says how many
    /// connections that were. To be called after every change of who is a member: a
    /// connection that comes up meanwhile asks the gate itself once it is listed here.
    pub fn retain(&self, keep: impl Fn(Role, IdentityId, Pin) -> bool) -> usize {
        // Not under the lock: `keep` may take its time.
        let mut open = self.open();
        open.retain(|((role, id), key, _)| !keep(*role, *id, *key));
        for ((role, id), _, cut) in &open {
            tracing::info!(%role, %id, "cut a connection");
            cut.cancel();
        }
        open.len()
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.open().len()
    }

    /// Lists a connection until the entry is dropped. The member's oldest is cut when it
    /// has more than `most`.
    pub(super) fn enter(&self, member: Member, key: Pin, most: usize) -> Entry {
        let cut = CancellationToken::new();
        let mut table = self.table();
        let number = table.next;
        table.next += 1;
        let its = table.connections.entry(member).or_default();
        its.push_back(Connection { number, key, cut: cut.clone() });
        if its.len() > most.max(1)
            && let Some(oldest) = its.pop_front()
        {
            tracing::info!(role = %member.0, id = %member.1, "cut a member's oldest connection");
            oldest.cut.cancel();
        }
        Entry { live: self.clone(), member, number, cut }
    }

    fn open(&self) -> Vec<(Member, Pin, CancellationToken)> {
        let table = self.table();
        let all = table.connections.iter().flat_map(|(member, its)| {
            its.iter().map(|connection| (*member, connection.key, connection.cut.clone()))
        });
        all.filter(|(_, _, cut)| !cut.is_cancelled()).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({})", self.count())
    }
}

/// A connection that is listed.
pub(super) struct Entry {
    live: Live,
    member: Member,
    number: u64,
    cut: CancellationToken,
}

impl Entry {
    /// Cancelled when the connection is to end at once.
    pub(super) fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut table = self.live.table();
        if let Some(its) = table.connections.get_mut(&self.member) {
            its.retain(|connection| connection.number != self.number);
            if its.is_empty() {
                table.connections.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u8) -> (Member, Pin) {
        ((Role::Node, IdentityId::from_random([n; 8])), Pin::from_bytes([n; 32]))
    }

    #[test]
    fn what_is_not_kept_is_cut_once_and_forgotten_when_it_has_ended() {
        let live = Live::default();
        let ((one, key1), (two, key2)) = (member(1), member(2));
        let first = live.enter(one, key1, 8);
        let former = live.enter(one, key2, 8);
        let other = live.enter(two, key2, 8);
        assert_eq!(live.count(), 3);
        let keep = |role, id, key| (role, id) != one || key == key1;
        assert_eq!(live.retain(keep), 1);
        let cut = [&first, &former, &other].map(|entry| entry.cut().is_cancelled());
        assert_eq!(cut, [false, true, false]);
        assert_eq!((live.retain(keep), live.count()), (0, 2));
        drop((first, former, other));
        assert!(live.count() == 0 && live.table().connections.is_empty());
    }

    #[test]
    fn one_connection_too_many_cuts_the_members_oldest() {
        let live = Live::default();
        let ((one, key1), (two, key2)) = (member(1), member(2));
        let other = live.enter(two, key2, 2);
        let its = [0; 4].map(|_| live.enter(one, key1, 2));
        assert_eq!(its.each_ref().map(|e| e.cut().is_cancelled()), [true, true, false, false]);
        assert!(!other.cut().is_cancelled());
        assert_eq!(live.count(), 3);
    }
}
