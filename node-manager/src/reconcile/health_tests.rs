#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use wgcni_model::PrivateKey;

const PATIENCE: Duration = Duration::from_mins(3);

fn key() -> PublicKey {
    PrivateKey::from_random([1; 32]).public_key()
}

/// A node, looked at every 30 s; `(sent, received, age of the handshake in s)` since the last.
fn looks(list: &[(u64, u64, Option<u64>)]) -> Vec<(usize, Event)> {
    let (mut health, start) = (Health::new(PATIENCE), Instant::now());
    let mut total = Traffic { sent: 1000, received: 1000, ..Traffic::default() };
    let mut events = Vec::new();
    for (n, (sent, received, age)) in list.iter().enumerate() {
        total.sent += sent;
        total.received += received;
        total.handshake = age.map(Duration::from_secs);
        let now = start + Duration::from_secs(30) * u32::try_from(n).unwrap();
        let told = health.look(now, &BTreeMap::from([(key(), total)]));
        events.extend(told.into_iter().map(|(_, event)| (n, event)));
    }
    events
}

const ENDPOINT: Event = Event::Silent(Stage::Endpoint, true);
const PEER: Event = Event::Silent(Stage::Peer, true);
const AGAIN: Event = Event::Silent(Stage::Peer, false);

#[test]
fn a_node_that_answers_nothing_is_repaired_in_stages_and_then_more_and_more_rarely() {
    let events = looks(&[(148, 0, None); 60]);
    // Sent at look 1, silent 3 min later, the peer 1½ min after the endpoint, then pauses of
    // 3, 6 and 12 min.
    assert_eq!(events, [(7, ENDPOINT), (10, PEER), (16, AGAIN), (28, AGAIN), (52, AGAIN)]);
}

#[test]
fn a_node_that_is_heard_is_not_silent_any_more() {
    let mut list = vec![(148, 0, None); 9];
    list.push((148, 92, Some(1)));
    list.extend([(500, 500, Some(31)); 20]);
    assert_eq!(looks(&list), [(7, ENDPOINT), (9, Event::Heard)]);
}

#[test]
fn a_node_to_which_nothing_is_sent_is_never_silent() {
    assert_eq!(looks(&[(0, 0, None); 60]), []);
    // Also when the last that was sent was not answered: there is no telling.
    let mut list = vec![(148, 0, None); 4];
    list.extend([(0, 0, None); 60]);
    assert_eq!(looks(&list), []);
    let mut list = vec![(148, 0, None); 9];
    list.extend([(0, 0, None); 20]);
    // 3 min after the last.
    assert_eq!(looks(&list), [(7, ENDPOINT), (10, PEER), (14, Event::Idle)]);
}

#[test]
fn a_node_that_answers_now_and_then_is_not_silent() {
    let list: Vec<_> = (0..60).map(|n| (148, u64::from(n % 5 == 0), Some(300))).collect();
    assert_eq!(looks(&list), []);
}

#[test]
fn a_young_handshake_is_an_answer() {
    let list: Vec<_> = (0..60).map(|n| (148, 0, Some(100 + n))).collect();
    assert_eq!(looks(&list), []);
    let list: Vec<_> = (0..12).map(|n| (148, 0, Some(30 * n))).collect();
    assert_eq!(looks(&list), [(7, ENDPOINT), (10, PEER)]);
}

#[test]
fn counters_that_start_again_are_no_answer() {
    let (mut health, start) = (Health::new(PATIENCE), Instant::now());
    let mut look = |seconds, sent, received| {
        let traffic = Traffic { sent, received, ..Traffic::default() };
        let now = start + Duration::from_secs(seconds);
        let told = health.look(now, &BTreeMap::from([(key(), traffic)]));
        told.into_iter().map(|(_, event)| event).collect::<Vec<_>>()
    };
    assert_eq!(look(0, 1000, 1000), []);
    assert_eq!(look(30, 2000, 1000), []);
    assert_eq!(look(220, 3000, 1000), [ENDPOINT]);
    // Set again: a peer without a past.
    assert_eq!(look(250, 148, 0), []);
    assert_eq!(look(310, 296, 0), [PEER]);
    // What the new one has received is an answer, although it was more before.
    assert_eq!(look(340, 148, 92), [Event::Heard]);
}

#[test]
fn a_node_that_leaves_is_forgotten() {
    let (mut health, start) = (Health::new(PATIENCE), Instant::now());
    for n in 0..9 {
        let traffic = Traffic { sent: 148 * u64::from(n), ..Traffic::default() };
        health.look(start + Duration::from_secs(30) * n, &BTreeMap::from([(key(), traffic)]));
    }
    assert_eq!(health.silent().count(), 1);
    assert!(health.look(start + Duration::from_mins(5), &BTreeMap::new()).is_empty());
    assert_eq!(health.silent().count(), 0);
}

proptest! {
    #[test]
    fn silence_begins_with_the_endpoint_and_ends_once(
        list in proptest::collection::vec(
            (0..2u64, 0..10u64, proptest::option::of(0..400u64)), 0..200
        )
    ) {
        let rarely: Vec<_> =
            list.into_iter().map(|(sent, n, age)| (sent, u64::from(n == 0), age)).collect();
        let mut silent = None;
        for (_, event) in looks(&rarely) {
            match event {
                Event::Silent(Stage::Endpoint, first) => {
                    prop_assert!(first && silent.is_none());
                    silent = Some(Stage::Endpoint);
                }
                Event::Silent(Stage::Peer, first) => {
                    prop_assert_eq!(first, silent == Some(Stage::Endpoint));
                    prop_assert!(silent.is_some());
                    silent = Some(Stage::Peer);
                }
                Event::Heard | Event::Idle => prop_assert!(silent.take().is_some()),
            }
        }
    }
}
