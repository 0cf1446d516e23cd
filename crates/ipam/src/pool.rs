//! One family's parts, numbered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use wgcni_model::{Family, Prefix};

use crate::Usage;

/// How many rested parts are remembered. Only pools far larger than this ever forget
/// one, and those do not miss it.
const REMEMBERED: usize = 1 << 16;

/// A part that was given back.
#[derive(Debug, Clone)]
struct Rest<O> {
    owner: O,
    since: Duration,
}

/// Every part below `fresh` is taken, rests, or was forgotten; no part from there on
/// was ever given but on request.
#[derive(Debug, Clone)]
pub(crate) struct Pool<O> {
    prefix: Prefix,
    length: u8,
    numbers: RangeInclusive<u128>,
    fresh: u128,
    taken: BTreeSet<u128>,
    resting: BTreeMap<u128, Rest<O>>,
    by_age: BTreeSet<(Duration, u128)>,
}

impl<O: Eq> Pool<O> {
    /// The parts of `length`, all of them.
    pub fn subnets(prefix: Prefix, length: u8) -> Self {
        let count = 1_u128.checked_shl((length - prefix.length()).into());
        Self::new(prefix, length, 0..=count.map_or(u128::MAX, |count| count - 1))
    }

    /// The addresses of a lease that containers can have: not the network's, not the
    /// node's, not the broadcast address.
    pub fn hosts(lease: Prefix) -> Self {
        let family = lease.family();
        let mut all = Self::subnets(lease, family.bits());
        let broadcast = u128::from(family == Family::V4);
        let last = all.numbers.end().saturating_sub(broadcast);
        all.numbers = 2..=last;
        all.fresh = 2;
        all
    }

    fn new(prefix: Prefix, length: u8, numbers: RangeInclusive<u128>) -> Self {
        Self {
            prefix,
            length,
            fresh: *numbers.start(),
            numbers,
            taken: BTreeSet::new(),
            resting: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    pub fn part(&self, number: u128) -> Option<Prefix> {
        self.prefix.subnet(self.length, number)
    }

    /// The number of a part; `None` when it is none of ours.
    pub fn number(&self, part: Prefix) -> Option<u128> {
        if part.length() != self.length || !self.prefix.covers(&part) {
            return None;
        }
        let bits = |address| match address {
            IpAddr::V4(v4) => u128::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6),
        };
        let shift = u32::from(part.family().bits() - self.length);
        let offset = bits(part.address()) - bits(self.prefix.address());
        let number = offset.checked_shr(shift).unwrap_or(0);
        self.numbers.contains(&number).then_some(number)
    }

    /// Whether this owner can have this part now; else why not.
    pub fn check(
        &self,
        number: u128,
        owner: &O,
        now: Duration,
        quarantine: Duration,
    ) -> Result<(), &'static str> {
        if self.is_taken(number) {
            return Err("it is in use");
        }
        match self.resting.get(&number) {
            Some(rest) if rest.owner != *owner && rest.since + quarantine > now => {
                Err("it rests after its release by another")
            }
            _ => Ok(()),
        }
    }

    /// What to give next.
    pub fn next(&mut self, now: Duration, quarantine: Duration) -> Option<u128> {
        while self.taken.contains(&self.fresh) || self.resting.contains_key(&self.fresh) {
            self.fresh = self.fresh.checked_add(1)?;
        }
        if self.numbers.contains(&self.fresh) {
            return Some(self.fresh);
        }
        let (since, number) = self.by_age.first()?;
        (*since + quarantine <= now).then_some(*number)
    }

    /// Marks a part as given.
    pub fn take(&mut self, number: u128) {
        if let Some(rest) = self.resting.remove(&number) {
            self.by_age.remove(&(rest.since, number));
        }
        self.taken.insert(number);
    }

    pub fn is_taken(&self, number: u128) -> bool {
        self.taken.contains(&number)
    }

    /// Takes a part back, to rest.
    pub fn release(&mut self, number: u128, owner: O, since: Duration) {
        self.taken.remove(&number);
        self.rest(number, owner, since);
    }

    /// Lets a part rest, unless somebody has it.
    pub fn rest(&mut self, number: u128, owner: O, since: Duration) {
        if self.is_taken(number) {
            return;
        }
        if let Some(before) = self.resting.insert(number, Rest { owner, since }) {
            self.by_age.remove(&(before.since, number));
        }
        self.by_age.insert((since, number));
        if self.by_age.len() > REMEMBERED
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.resting.remove(&oldest);
        }
    }

    pub fn usage(&self, now: Duration, quarantine: Duration) -> Usage {
        let capacity = if self.numbers.is_empty() {
            0
        } else {
            (self.numbers.end() - self.numbers.start()).saturating_add(1)
        };
        let resting = || self.by_age.iter().filter(|(since, _)| *since + quarantine > now);
        Usage {
            prefix: self.prefix,
            length: self.length,
            capacity: u64::try_from(capacity).unwrap_or(u64::MAX),
            used: self.taken.len() as u64,
            resting: resting().count() as u64,
            next_free: resting().next().map(|(since, _)| (*since + quarantine).saturating_sub(now)),
        }
    }
}
