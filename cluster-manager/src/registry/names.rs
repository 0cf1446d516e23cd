//! Who may go by a name: the key that has it, for as long as it shows signs of life.

use std::collections::BTreeMap;
use std::time::Duration;

use wgcni_model::{NodeName, PublicKey, Revision};

use crate::Refusal;

/// A node's sign of life; not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When, since the Unix epoch.
    pub at: Duration,
    /// The revision that it had applied.
    pub applied: Revision,
}

/// Signs of life, and nodes that were taken out a short while ago.
///
/// None of it is durable. After a start every node counts as seen just now, so that a
/// second machine under a node's name does not take the mesh over because it happens to
/// be the first to call.
pub(crate) struct Names {
    started: Duration,
    takeover: Duration,
    seen: BTreeMap<NodeName, Seen>,
    out: BTreeMap<NodeName, (PublicKey, Duration)>,
}

impl Names {
    pub fn new(started: Duration, takeover: Duration) -> Self {
        Self { started, takeover, seen: BTreeMap::new(), out: BTreeMap::new() }
    }

    /// A node's last sign of life.
    pub fn seen(&self, node: &NodeName) -> Option<Seen> {
        self.seen.get(node).copied()
    }

    /// Notes a sign of life.
    pub fn see(&mut self, node: &NodeName, seen: Seen) {
        self.seen.insert(node.clone(), seen);
        self.out.remove(node);
    }

    /// Notes that a node was taken out of the mesh.
    pub fn leave(&mut self, node: &NodeName, key: PublicKey, now: Duration) {
        let takeover = self.takeover;
        self.out.retain(|_, (_, at)| now.abs_diff(*at) < takeover);
        self.seen.remove(node);
        self.out.insert(node.clone(), (key, now));
    }

    /// Forgets a node that left by itself: whoever comes under its name next is new.
    pub fn forget(&mut self, node: &NodeName) {
        self.seen.remove(node);
        self.out.remove(node);
    }

    /// Whether `node` may go by its name with `key`; `holder` is the key that has it now.
    pub fn check(
        &self,
        node: &NodeName,
        key: PublicKey,
        holder: Option<PublicKey>,
        now: Duration,
    ) -> Result<(), Refusal> {
        match (holder, self.out.get(node)) {
            (Some(holder), _) if holder != key => {
                let at = self.seen(node).map_or(self.started, |seen| seen.at);
                self.free(at, now).map_err(|(since, wait)| {
                    let node = node.clone();
                    Refusal::NameInUse { node, key: holder, since, wait }
                })
            }
            // Whoever takes the name of a node that was taken out gets there first.
            (None, Some((out, at))) if *out == key => self
                .free(*at, now)
                .map_err(|(since, wait)| Refusal::TakenOut { node: node.clone(), since, wait }),
            _ => Ok(()),
        }
    }

    /// Whether what happened at `at` is long enough ago; else how long ago it is, and how
    /// long it still counts.
    fn free(&self, at: Duration, now: Duration) -> Result<(), (Duration, Duration)> {
        // A clock that was set back must not keep the dead alive.
        let since = now.abs_diff(at);
        match self.takeover.checked_sub(since) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(wait) => Err((since, wait)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use wgcni_model::PrivateKey;

    const START: Duration = Duration::from_secs(1_000);

    fn key(n: u8) -> PublicKey {
        PrivateKey::from_random([n; 32]).public_key()
    }

    fn after(seconds: u64) -> Duration {
        START + Duration::from_secs(seconds)
    }

    fn names() -> (Names, NodeName) {
        (Names::new(START, Duration::from_secs(30)), "cedar".parse().unwrap())
    }

    #[test]
    fn another_key_takes_a_name_once_its_holder_has_been_silent() {
        let (mut names, cedar) = names();
        names.see(&cedar, Seen { at: after(5), applied: Revision(1) });
        let taken = |names: &Names, n, now| names.check(&cedar, key(n), Some(key(1)), now);
        assert_eq!(taken(&names, 1, after(6)), Ok(()));
        let refusal = taken(&names, 2, after(9)).unwrap_err().to_string();
        assert!(refusal.contains("cedar") && refusal.contains("seen 4 s ago"), "{refusal}");
        assert!(refusal.contains("DeregisterPeer"), "{refusal}");
        names.see(&cedar, Seen { at: after(20), applied: Revision(1) });
        assert!(taken(&names, 2, after(49)).is_err());
        assert_eq!(taken(&names, 2, after(50)), Ok(()));
        // The clock was set back by an hour: the sign of life lies in the future.
        names.see(&cedar, Seen { at: after(3600), applied: Revision(1) });
        assert_eq!(taken(&names, 2, after(60)), Ok(()));
    }

    #[test]
    fn holders_have_time_to_show_up_after_a_start() {
        let (names, cedar) = names();
        assert!(names.check(&cedar, key(2), Some(key(1)), after(29)).is_err());
        assert_eq!(names.check(&cedar, key(2), Some(key(1)), after(30)), Ok(()));
        assert_eq!(names.check(&cedar, key(2), None, after(0)), Ok(()));
    }

    #[test]
    fn whoever_was_taken_out_lets_others_in_first() {
        let (mut names, cedar) = names();
        names.leave(&cedar, key(1), after(0));
        assert!(names.check(&cedar, key(1), None, after(29)).is_err());
        assert_eq!(names.check(&cedar, key(2), None, after(1)), Ok(()));
        assert_eq!(names.check(&cedar, key(1), None, after(30)), Ok(()));
        // Put back by hand, or replaced: it is forgotten.
        names.see(&cedar, Seen { at: after(2), applied: Revision(1) });
        assert_eq!(names.check(&cedar, key(1), None, after(3)), Ok(()));
    }
}
