//! How often what anybody can cause goes into the audit log: the newest lines are kept, and
//! nobody may push out what others did.

use std::collections::BTreeMap;
use std::time::Duration;

use wgcni_identity::Role;
use wgcni_model::NodeName;

use crate::Refusal;
use crate::registry::Registry;

/// How long it takes until there is room for one more: at this pace the lines that are kept
/// last for almost two years.
const PACE: Duration = Duration::from_mins(10);

/// Joins and renewals of one member at once: more than ever go wrong, even by script.
const MOST: u32 = 200;

/// Room for some at once, and then for one after the other.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// When room was made last.
    since: Duration,
    taken: u32,
}

impl Room {
    /// Takes a place of `most`, if there is one.
    pub fn take(&mut self, most: u32, now: Duration) -> bool {
        self.make(now);
        let free = self.taken < most;
        self.taken += u32::from(free);
        free
    }

    /// Makes the room that time has made.
    fn make(&mut self, now: Duration) {
        // A clock that was set back makes none, and time goes on from there.
        let paces = now.saturating_sub(self.since).as_secs() / PACE.as_secs();
        let free = u32::try_from(paces).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_sub(free);
        let whole = self.taken == 0 || now < self.since;
        self.since = if whole { now } else { self.since + PACE * free };
    }
}

/// The room of each member, by its name: identities come and go.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    of: BTreeMap<(Role, NodeName), Room>,
    tidied: Duration,
}

impl Rooms {
    fn take(&mut self, (role, name): (Role, &NodeName), now: Duration) -> bool {
        if now.abs_diff(self.tidied) >= PACE {
            self.of.retain(|_, room| {
                room.make(now);
                room.taken > 0
            });
            self.tidied = now;
        }
        self.of.entry((role, name.clone())).or_default().take(MOST, now)
    }
}

impl Registry {
    /// A member is about to join or to renew, which it may do as often as it likes.
    pub(super) fn pace(&self, member: (Role, &NodeName), now: Duration) -> Result<(), Refusal> {
        let free = self.rooms().take(member, now);
        free.then_some(()).ok_or(Refusal::TooOften(PACE))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn members_have_room_of_their_own_and_are_forgotten() {
        let mut rooms = Rooms::default();
        let now = Duration::from_hours(500_000);
        let [ash, elm]: [NodeName; 2] = ["ash", "elm"].map(|name| name.parse().unwrap());
        let taken = (0..1_000).filter(|_| rooms.take((Role::Node, &ash), now)).count();
        assert_eq!(taken, MOST as usize);
        assert!(rooms.take((Role::Node, &elm), now) && rooms.take((Role::Operator, &ash), now));
        assert!(rooms.take((Role::Node, &ash), now + PACE));
        assert!(!rooms.take((Role::Node, &ash), now + PACE));
        assert_eq!(rooms.of.len(), 1);
    }
}
