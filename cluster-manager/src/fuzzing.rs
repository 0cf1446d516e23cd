//! Bodies of fuzz targets: the records of the store, what a joiner sends.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wgcni_api::identity_v1::FinishJoinRequest;
use wgcni_identity::{Exporter, Pin};
use wgcni_ipam::{Allocator, Lengths};
use wgcni_model::{Cluster, ClusterId, History, Prefixes, Revision};
use wgcni_store::{Key, Loaded, Record};

use crate::records::{KeyRow, LeaseRow, PeerRow, PrefixRow, Row, RunRow, SettingsRow};
use crate::registry::State;
use crate::rpc::{Here, parse};

/// A store: one record in each line, `table/name value`.
pub fn records(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let records: BTreeMap<Key, Record> = lines.enumerate().filter_map(record).collect();
    for (key, record) in &records {
        match key.table() {
            SettingsRow::TABLE => same_again::<SettingsRow>(&record.value),
            LeaseRow::TABLE => same_again::<LeaseRow>(&record.value),
            PrefixRow::TABLE => same_again::<PrefixRow>(&record.value),
            PeerRow::TABLE => same_again::<PeerRow>(&record.value),
            KeyRow::TABLE => same_again::<KeyRow>(&record.value),
            RunRow::TABLE => same_again::<RunRow>(&record.value),
            _ => {}
        }
    }
    load(records);
}

fn record((n, line): (usize, &[u8])) -> Option<(Key, Record)> {
    let at = line.iter().position(|byte| *byte == b' ')?;
    let (table, name) = std::str::from_utf8(&line[..at]).ok()?.split_once('/')?;
    // Tables are ours: a store holds no others.
    let table = [
        SettingsRow::TABLE,
        LeaseRow::TABLE,
        PrefixRow::TABLE,
        PeerRow::TABLE,
        KeyRow::TABLE,
        RunRow::TABLE,
    ]
    .into_iter()
    .find(|known| *known == table)?;
    let revision = Revision(u64::try_from(n).ok()? + 1);
    let value = [&[1], &line[at + 1..]].concat();
    Some((Key::new(table, name), Record { revision, value: Arc::from(value) }))
}

/// What is read is the same once it is written again.
fn same_again<R: Row + PartialEq>(value: &[u8]) {
    if let Ok(row) = R::decode(value) {
        assert!(R::decode(&row.encode()).is_ok_and(|again| again == row));
    }
}

/// A store that makes sense gives every part of the address space once.
fn load(records: BTreeMap<Key, Record>) {
    let Some(mut state) = empty() else { return };
    let revision = Revision(records.len() as u64 + 1);
    let (history, compacted) = (History::default(), Revision(0));
    let removed = BTreeMap::new();
    let loaded = state.load(Loaded { history, revision, compacted, records, removed });
    if loaded.is_err() {
        return;
    }
    let owned: Vec<_> = state.leases.keys().filter_map(|node| state.lease(node)).collect();
    for (n, lease) in owned.iter().enumerate() {
        assert!(owned[..n].iter().all(|other| other.prefixes.overlap(&lease.prefixes).is_none()));
    }
    let mut followed = wgcni_model::Snapshot::default();
    if let Some(delta) = state.delta(Revision(0)) {
        assert_eq!(followed.apply(delta), Ok(()));
        assert_eq!(followed.peers, state.snapshot().peers);
    }
}

fn empty() -> Option<State> {
    let prefixes = ["10.64.0.0/12".parse().ok()?, "fd00::/48".parse().ok()?];
    let prefixes = Prefixes::from_items(prefixes).ok()?;
    let lengths = Lengths { v4: 24, v6: 64 };
    let allocator = Allocator::subnets(prefixes, lengths, Duration::from_mins(1)).ok()?;
    Some(State::new(
        Cluster { id: ClusterId::from_random([7; 16]), prefixes },
        allocator,
        Duration::from_mins(1),
    ))
}

/// What a joiner sends, in JSON: a malformed field is named, the others are what was sent.
pub fn join_request(bytes: &[u8]) {
    let Ok(wire) = serde_json::from_slice::<FinishJoinRequest>(bytes) else { return };
    let here = Here {
        source: (Ipv4Addr::LOCALHOST, 1).into(),
        connection: Exporter::from_bytes([1; 32]),
        server: Pin::from_bytes([2; 32]),
    };
    match parse(wire.clone(), here) {
        Ok(read) => {
            assert_eq!(read.name.as_str(), wire.name);
            assert_eq!(read.request.der(), wire.certificate_request);
            assert_eq!(read.mesh_key.is_some(), !wire.mesh_public_key.is_empty());
            assert_eq!(read.held.is_some(), !wire.held.is_empty());
        }
        Err(error) => assert!(!error.field().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_joiners_send_is_read_or_refused_by_field() {
        wgcni_fuzzing::bounded("manager_join", super::join_request);
    }

    #[test]
    fn records_are_refused_or_make_sense() {
        wgcni_fuzzing::bounded("manager_records", super::records);
    }
}
