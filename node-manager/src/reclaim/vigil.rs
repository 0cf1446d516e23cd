//! How long each attachment has been seen dead: decisions, without a clock or a kernel.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wgcni_model::{AttachmentKey, PublicKey};

use super::look::{Sign, Signs};
use crate::attachments::Record;

/// What is to become of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Alive(Sign),
    /// It is dead for so long, and will be taken after the rest.
    Waits {
        /// For how long it has been seen dead.
        dead: Duration,
        /// How long until it is due.
        left: Duration,
    },
    /// It is dead for so long, and that is long enough.
    Due {
        /// For how long it has been seen dead.
        dead: Duration,
    },
}

/// An attachment and its verdict.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// It.
    pub record: Record,
    /// What is to become of it.
    pub verdict: Verdict,
}

/// Who has been dead since when.
#[derive(Debug)]
pub struct Vigil {
    cool_down: Duration,
    dead: BTreeMap<AttachmentKey, (PublicKey, Instant)>,
}

impl Vigil {
    /// Nobody has been seen dead yet.
    pub fn new(cool_down: Duration) -> Self {
        Self { cool_down, dead: BTreeMap::new() }
    }

    /// Judges attachments by the signs of life that a look at `now` found.
    pub fn judge(&mut self, records: Vec<Record>, signs: &Signs, now: Instant) -> Vec<Candidate> {
        let before = std::mem::take(&mut self.dead);
        let judge = |record: Record| {
            let life = signs.get(&record.namespace.inode);
            let verdict = match life.filter(|life| life.may_be_of(record.namespace)) {
                Some(life) => Verdict::Alive(life.sign.clone()),
                None => self.mourn(&before, &record, now),
            };
            Candidate { record, verdict }
        };
        records.into_iter().map(judge).collect()
    }

    fn mourn(
        &mut self,
        before: &BTreeMap<AttachmentKey, (PublicKey, Instant)>,
        record: &Record,
        now: Instant,
    ) -> Verdict {
        // Another key is another container under the same name.
        let known = before.get(&record.key).filter(|(key, _)| *key == record.public_key);
        let since = known.map_or(now, |(_, since)| *since);
        self.dead.insert(record.key.clone(), (record.public_key, since));
        let dead = now.saturating_duration_since(since);
        match self.cool_down.saturating_sub(dead) {
            Duration::ZERO => Verdict::Due { dead },
            left => Verdict::Waits { dead, left },
        }
    }

    /// Starts again: who was not looked at may have lived meanwhile.
    pub fn forget(&mut self) {
        self.dead.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::look::{Life, Process};
    use super::*;
    use crate::attachments::tests::record;

    const COOL_DOWN: Duration = Duration::from_mins(5);

    fn alive(inode: u64) -> Signs {
        let process = Process { id: 7, name: "web".to_owned() };
        Signs::from([(inode, Life { sign: Sign::Inhabited(process), cookie: None })])
    }

    /// The verdicts of looks at one attachment, each at its second.
    fn verdicts(looks: &[(u64, Signs)]) -> Vec<Verdict> {
        let (mut vigil, start) = (Vigil::new(COOL_DOWN), Instant::now());
        let judge = |(second, signs): &(u64, Signs)| {
            let now = start + Duration::from_secs(*second);
            vigil.judge(vec![record("a", 1, 1)], signs, now).remove(0).verdict
        };
        looks.iter().map(judge).collect()
    }

    fn waits(dead: u64) -> Verdict {
        let dead = Duration::from_secs(dead);
        Verdict::Waits { dead, left: COOL_DOWN.saturating_sub(dead) }
    }

    #[test]
    fn the_dead_are_due_after_the_cool_down() {
        let none = Signs::new();
        let found = verdicts(&[(0, none.clone()), (299, none.clone()), (300, none)]);
        assert_eq!(found, [waits(0), waits(299), Verdict::Due { dead: COOL_DOWN }]);
    }

    #[test]
    fn one_sign_of_life_starts_the_cool_down_again() {
        let none = Signs::new();
        let found =
            verdicts(&[(0, none.clone()), (200, alive(1)), (310, none.clone()), (609, none)]);
        let sign = alive(1)[&1].sign.clone();
        assert_eq!(found, [waits(0), Verdict::Alive(sign), waits(0), waits(299)]);
    }

    #[test]
    fn the_life_of_others_is_none() {
        assert_eq!(verdicts(&[(0, alive(2))]), [waits(0)]);
    }

    #[test]
    fn the_life_of_who_has_the_number_now_is_none() {
        let mut its = alive(1);
        its.get_mut(&1).unwrap().cookie = Some(8);
        let mut record = record("a", 1, 1);
        let mut judge = |cookie| {
            record.namespace.cookie = cookie;
            let (mut vigil, now) = (Vigil::new(COOL_DOWN), Instant::now());
            vigil.judge(vec![record.clone()], &its, now).remove(0).verdict
        };
        assert_eq!(judge(Some(7)), waits(0));
        let alive = Verdict::Alive(its[&1].sign.clone());
        // Attached by a plugin that did not know.
        assert_eq!([judge(Some(8)), judge(None)], [alive.clone(), alive]);
    }

    #[test]
    fn a_successor_under_the_same_name_waits_anew_and_who_left_is_forgotten() {
        let (mut vigil, start) = (Vigil::new(COOL_DOWN), Instant::now());
        let later = start + COOL_DOWN;
        vigil.judge(vec![record("a", 1, 1), record("b", 2, 2)], &Signs::new(), start);
        let found = vigil.judge(vec![record("a", 3, 3)], &Signs::new(), later);
        assert_eq!(found[0].verdict, waits(0));
        assert_eq!(vigil.dead.len(), 1);
        vigil.forget();
        let found = vigil.judge(vec![record("a", 3, 3)], &Signs::new(), later + COOL_DOWN);
        assert_eq!(found[0].verdict, waits(0));
    }
}
