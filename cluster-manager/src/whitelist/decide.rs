//! What a look at the directory means.

use std::collections::{BTreeMap, BTreeSet};

use wgcni_model::{NodeName, PublicKey};

use super::{Directory, Look, Unreadable};

/// What was known before a look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Keys that files let in, by name.
    pub keys: BTreeMap<NodeName, PublicKey>,
    /// The directory that they were in; none: there was no look yet.
    pub directory: Option<Directory>,
    /// Names whose files went missing in a way that is not believed.
    pub missing: BTreeSet<NodeName>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Keys that may join from now on.
    pub added: BTreeMap<NodeName, PublicKey>,
    /// Names whose keys may not, and whose nodes are out. One that is added, too, has
    /// another key.
    pub removed: BTreeSet<NodeName>,
    /// Why nothing is done, for people.
    pub frozen: Option<String>,
    /// The directory and the missing names of the next [`Known`].
    pub directory: Option<Directory>,
    /// See `directory`.
    pub missing: BTreeSet<NodeName>,
}

/// Compares a look with what was known.
pub fn decide(known: &Known, look: Result<&Look, &Unreadable>) -> Decision {
    // Who was revoked by hand meanwhile is not waited for.
    let waiting: BTreeSet<_> =
        known.missing.iter().filter(|name| known.keys.contains_key(*name)).cloned().collect();
    let freeze = |directory, missing, why: String| Decision {
        frozen: Some(why),
        directory,
        missing,
        ..Decision::default()
    };
    let look = match look {
        Ok(look) => look,
        Err(Unreadable::Missing) if known.keys.is_empty() => return Decision::default(),
        Err(Unreadable::Missing) => {
            return freeze(known.directory, waiting, "is missing".to_owned());
        }
        Err(Unreadable::Because(why)) => return freeze(known.directory, waiting, why.clone()),
    };
    let there = |name: &NodeName| look.keys.contains_key(name) || look.bad.contains_key(name);
    let gone: BTreeSet<_> = known.keys.keys().filter(|name| !there(name)).cloned().collect();
    let waiting: BTreeSet<_> = waiting.intersection(&gone).cloned().collect();
    let moved = known.directory.is_some_and(|before| before != look.directory);
    let why = if gone.is_empty() {
        None
    } else if moved {
        Some(format!(
            "is another directory than before, and {} of its files are missing",
            gone.len()
        ))
    } else if !waiting.is_empty() {
        Some(format!("had lost files, and {} of them are still missing", waiting.len()))
    } else if gone.len() >= suspicious(known.keys.len()) {
        Some(format!("has lost {} of {} files at once", gone.len(), known.keys.len()))
    } else {
        None
    };
    if let Some(why) = why {
        // Another directory is taken for the right one only when nothing is missing in it.
        let directory = if moved { known.directory } else { Some(look.directory) };
        return freeze(directory, gone, why);
    }
    let mut decision = changes(known, look, gone);
    decision.directory = Some(look.directory);
    decision
}

/// How many files may not go at once.
fn suspicious(known: usize) -> usize {
    known.div_ceil(2).max(2)
}

fn changes(known: &Known, look: &Look, gone: BTreeSet<NodeName>) -> Decision {
    let mut decision = Decision { removed: gone, ..Decision::default() };
    for (name, key) in &look.keys {
        match known.keys.get(name) {
            Some(before) if before == key => continue,
            Some(_) => _ = decision.removed.insert(name.clone()),
            None => {}
        }
        decision.added.insert(name.clone(), *key);
    }
    decision
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use wgcni_model::PrivateKey;

    use super::*;

    const HERE: Directory = Directory { device: 1, inode: 2 };
    const THERE: Directory = Directory { device: 1, inode: 3 };

    fn keys(numbers: &[u8]) -> BTreeMap<NodeName, PublicKey> {
        let key = |n: u8| PrivateKey::from_random([n; 32]).public_key();
        numbers.iter().map(|n| (format!("n{n}").parse().unwrap(), key(*n))).collect()
    }

    fn names(numbers: &[u8]) -> BTreeSet<NodeName> {
        keys(numbers).into_keys().collect()
    }

    fn known(numbers: &[u8]) -> Known {
        Known { keys: keys(numbers), directory: Some(HERE), missing: BTreeSet::new() }
    }

    fn seen(directory: Directory, numbers: &[u8]) -> Look {
        Look { directory, keys: keys(numbers), bad: BTreeMap::new(), complaints: Vec::new() }
    }

    /// Whether it does nothing; and what is known next.
    fn frozen(known: &Known, look: Result<&Look, &Unreadable>) -> Known {
        let decision = decide(known, look);
        assert!(decision.frozen.is_some(), "{decision:?}");
        assert!(decision.added.is_empty() && decision.removed.is_empty());
        let Decision { directory, missing, .. } = decision;
        Known { keys: known.keys.clone(), directory, missing }
    }

    #[test]
    fn files_that_come_and_go_let_in_and_revoke() {
        let decision = decide(&known(&[1, 2, 3]), Ok(&seen(HERE, &[1, 2, 4])));
        assert_eq!((decision.added, decision.removed), (keys(&[4]), names(&[3])));
        assert_eq!((decision.frozen, decision.directory), (None, Some(HERE)));
        let decision = decide(&known(&[1]), Ok(&seen(HERE, &[])));
        assert_eq!(decision.removed, names(&[1]), "the only file may be deleted");
        let decision = decide(&Known::default(), Ok(&seen(HERE, &[1, 2])));
        assert_eq!(decision.added, keys(&[1, 2]));
    }

    #[test]
    fn another_key_in_a_file_revokes_the_former() {
        let mut look = seen(HERE, &[1]);
        let [other] = keys(&[9]).into_values().collect::<Vec<_>>()[..] else { panic!() };
        look.keys.insert("n1".parse().unwrap(), other);
        let decision = decide(&known(&[1]), Ok(&look));
        assert_eq!(decision.removed, names(&[1]));
        assert_eq!(decision.added, look.keys);
    }

    #[test]
    fn a_file_that_cannot_be_read_revokes_nobody() {
        let mut look = seen(HERE, &[1]);
        look.bad.insert("n2".parse().unwrap(), "is half written".to_owned());
        let decision = decide(&known(&[1, 2]), Ok(&look));
        assert_eq!((decision.added, decision.removed), (keys(&[]), names(&[])));
    }

    #[test]
    fn an_emptied_directory_freezes_until_the_files_are_back() {
        let empty = seen(HERE, &[]);
        let state = frozen(&known(&[1, 2, 3, 4]), Ok(&empty));
        let state = frozen(&state, Ok(&seen(HERE, &[1, 2, 3])));
        let decision = decide(&state, Ok(&seen(HERE, &[1, 2, 3, 4, 5])));
        assert_eq!((decision.added, decision.removed), (keys(&[5]), names(&[])));
        assert_eq!((decision.frozen, decision.missing), (None, names(&[])));
    }

    #[test]
    fn half_of_the_files_is_too_many_and_one_less_is_not() {
        frozen(&known(&[1, 2, 3, 4]), Ok(&seen(HERE, &[1, 2])));
        let decision = decide(&known(&[1, 2, 3, 4, 5]), Ok(&seen(HERE, &[1, 2, 3])));
        assert_eq!(decision.removed, names(&[4, 5]));
        frozen(&known(&[1, 2, 3, 4, 5]), Ok(&seen(HERE, &[1, 2])));
        frozen(&known(&[1, 2]), Ok(&seen(HERE, &[])));
    }

    #[test]
    fn revoking_what_is_missing_by_hand_ends_the_freeze() {
        let mut state = frozen(&known(&[1, 2, 3, 4]), Ok(&seen(HERE, &[1])));
        state.keys = keys(&[1, 2]);
        frozen(&state, Ok(&seen(HERE, &[1])));
        state.keys = keys(&[1]);
        let decision = decide(&state, Ok(&seen(HERE, &[1])));
        assert_eq!((decision.frozen, decision.missing), (None, names(&[])));
    }

    #[test]
    fn a_lost_mount_freezes_and_lets_nobody_else_in() {
        // What lay under the mount.
        let under = seen(THERE, &[9]);
        let state = frozen(&known(&[1]), Ok(&under));
        let state = frozen(&state, Ok(&under));
        assert_eq!(decide(&state, Ok(&seen(HERE, &[1]))).frozen, None);
        // A directory that was made anew, with all that was in it.
        let decision = decide(&known(&[1]), Ok(&seen(THERE, &[1, 2])));
        assert_eq!((decision.added, decision.directory), (keys(&[2]), Some(THERE)));
    }

    #[test]
    fn a_directory_that_is_gone_or_closed_freezes() {
        frozen(&known(&[1]), Err(&Unreadable::Missing));
        frozen(&known(&[1]), Err(&Unreadable::Because("denied".to_owned())));
        frozen(&known(&[]), Err(&Unreadable::Because("denied".to_owned())));
        let nothing = decide(&known(&[]), Err(&Unreadable::Missing));
        assert_eq!(nothing, Decision::default(), "who has no whitelist needs no directory");
    }

    proptest! {
        #[test]
        fn nobody_is_revoked_whose_file_is_there_and_never_half_at_once(
            before in proptest::collection::btree_set(0u8..12, 0..12),
            after in proptest::collection::btree_set(0u8..12, 0..12),
            moved in any::<bool>(),
        ) {
            let [before, after] = [before, after].map(|set| set.into_iter().collect::<Vec<_>>());
            let look = seen(if moved { THERE } else { HERE }, &after);
            let decision = decide(&known(&before), Ok(&look));
            prop_assert!(decision.removed.iter().all(|name| !look.keys.contains_key(name)));
            prop_assert!(decision.removed.len() < suspicious(before.len()));
            prop_assert!(!moved || decision.removed.is_empty());
        }
    }
}
