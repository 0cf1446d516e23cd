//! Which nodes are silent: to which packets go, and from which nothing comes. Pure; the time
//! is an argument.
//!
//! ```text
//! idle or heard --sent, nothing heard for `patience`--> endpoint set again
//!      ^                                                     | patience / 2
//!      +--- heard, or nothing sent for `patience` ---- peer made again, again later and later
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wgcni_dataplane::Traffic;
use wgcni_model::PublicKey;

/// Longest time between two attempts to repair.
const LONGEST: Duration = Duration::from_hours(1);

/// What is done about a silent node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The announced endpoint is set again.
    Endpoint,
    /// The peer is removed and added again.
    Peer,
}

/// A change of a node's state, or an attempt to repair it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is silent, and this is done; `first` when this stage is new.
    Silent(Stage, bool),
    /// It was silent and is heard again.
    Heard,
    /// It was silent, and nothing is sent to it any more.
    Idle,
}

/// All nodes to which something was sent in vain.
#[derive(Debug)]
pub struct Health {
    patience: Duration,
    peers: BTreeMap<PublicKey, State>,
}

/// What is remembered of a node between two looks.
#[derive(Debug, Clone, Copy)]
struct State {
    last: Traffic,
    /// When something was sent last, as far as the looks can tell.
    sent: Instant,
    /// When the first was sent of what nothing has answered yet.
    unanswered: Option<Instant>,
    silent: Option<Silent>,
}

/// How a silent node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent {
    /// Since when nothing answers.
    pub since: Instant,
    /// What was done last.
    pub stage: Stage,
    /// When the next thing is done.
    next: Instant,
    pause: Duration,
}

impl Health {
    /// Nodes are silent when they answer nothing for `patience`.
    pub fn new(patience: Duration) -> Self {
        Self { patience, peers: BTreeMap::new() }
    }

    /// Takes a look at all peers; what has changed, and what is to be done now.
    pub fn look(
        &mut self,
        now: Instant,
        traffic: &BTreeMap<PublicKey, Traffic>,
    ) -> Vec<(PublicKey, Event)> {
        self.peers.retain(|key, _| traffic.contains_key(key));
        let mut events = Vec::new();
        for (key, seen) in traffic {
            let state = self.peers.entry(*key).or_insert_with(|| State::new(*seen, now));
            events.extend(state.look(now, *seen, self.patience).map(|event| (*key, event)));
        }
        events
    }

    /// The silent ones.
    pub fn silent(&self) -> impl Iterator<Item = (PublicKey, Silent)> {
        self.peers.iter().filter_map(|(key, state)| Some((*key, state.silent?)))
    }
}

/// Whether a counter shows something new; one that shows less has been started again.
fn grew(before: u64, now: u64) -> bool {
    if now < before { now > 0 } else { now > before }
}

impl State {
    fn new(seen: Traffic, now: Instant) -> Self {
        Self { last: seen, sent: now, unanswered: None, silent: None }
    }

    fn look(&mut self, now: Instant, seen: Traffic, patience: Duration) -> Option<Event> {
        let sent = grew(self.last.sent, seen.sent);
        let heard = grew(self.last.received, seen.received);
        self.last = seen;
        if sent {
            self.sent = now;
        }
        if heard {
            self.unanswered = None;
            return self.silent.take().map(|_| Event::Heard);
        }
        if !sent && now.saturating_duration_since(self.sent) >= patience {
            self.unanswered = None;
            return self.silent.take().map(|_| Event::Idle);
        }
        let since = match self.unanswered {
            Some(since) => since,
            None if sent => *self.unanswered.insert(now),
            None => return None,
        };
        let fresh = seen.handshake.is_some_and(|age| age < patience);
        match self.silent {
            Some(silent) => self.still(silent, now, patience),
            None if sent && !fresh && now.saturating_duration_since(since) >= patience => {
                let pause = patience / 2;
                let stage = Stage::Endpoint;
                self.silent = Some(Silent { since, stage, next: now + pause, pause });
                Some(Event::Silent(stage, true))
            }
            None => None,
        }
    }

    fn still(&mut self, silent: Silent, now: Instant, patience: Duration) -> Option<Event> {
        if now < silent.next {
            return None;
        }
        let first = silent.stage == Stage::Endpoint;
        let pause = if first { patience } else { silent.pause * 2 };
        let pause = pause.min(LONGEST.max(patience));
        let stage = Stage::Peer;
        self.silent = Some(Silent { stage, next: now + pause, pause, ..silent });
        Some(Event::Silent(stage, first))
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
