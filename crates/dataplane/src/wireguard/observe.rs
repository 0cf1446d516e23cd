//! What a device tells about itself, in our types.

use crate::state::{Peer, Traffic, Wireguard};
use defguard_wireguard_rs::host::Host;
use defguard_wireguard_rs::peer::Peer as WirePeer;
use ipnetwork::IpNetwork;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};
use wgcni_model::{PrivateKey, PublicKey};

/// An endpoint that a handshake this young came from is in use (`REJECT_AFTER_TIME`).
const FRESH: Duration = Duration::from_mins(3);

/// Public keys that need no check, by their bytes: to check one costs as much as a handshake.
pub(crate) type Known = HashMap<[u8; 32], PublicKey>;

/// Keys that were checked before.
pub(crate) fn known<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Known {
    keys.into_iter().map(|key| (*key.as_bytes(), *key)).collect()
}

/// Converts what a device tells at `now`.
pub(crate) fn wireguard(host: Host, known: &Known, now: SystemTime) -> Wireguard {
    // A device without a key reads as one with a key that nobody wishes for.
    let private_key = host.private_key.map_or([0; 32], |key| key.as_array());
    let peers = host.peers.into_values().filter_map(|wire| {
        let bytes = wire.public_key.as_array();
        // A key that is none can do no handshake; it is left alone.
        let key = known.get(&bytes).copied().or_else(|| PublicKey::from_bytes(&bytes).ok())?;
        Some((key, peer(&wire, now)))
    });
    Wireguard {
        private_key: PrivateKey::from_random(private_key),
        listen_port: host.listen_port,
        peers: peers.collect(),
    }
}

/// What has passed between a device and those of its peers that are known.
pub(crate) fn traffic(host: &Host, known: &Known, now: SystemTime) -> BTreeMap<PublicKey, Traffic> {
    let ours = host.peers.values();
    let ours = ours.filter_map(|wire| Some((known.get(&wire.public_key.as_array())?, wire)));
    let told = ours.map(|(key, wire)| {
        let at = wire.last_handshake.filter(|at| *at != SystemTime::UNIX_EPOCH);
        let handshake = at.map(|at| now.duration_since(at).unwrap_or_default());
        let (sent, received, endpoint) = (wire.tx_bytes, wire.rx_bytes, wire.endpoint);
        (*key, Traffic { handshake, sent, received, endpoint })
    });
    told.collect()
}

fn peer(wire: &WirePeer, now: SystemTime) -> Peer {
    let allowed = wire.allowed_ips.iter();
    let secret = wire.preshared_key.as_ref();
    Peer {
        preshared: secret.is_some_and(|key| key.as_array() != [0; 32]),
        endpoint: wire.endpoint,
        allowed_ips: allowed.filter_map(|a| IpNetwork::new(a.address, a.cidr).ok()).collect(),
        keepalive: wire.persistent_keepalive_interval.unwrap_or(0),
        fresh: wire.last_handshake.is_some_and(|at| is_fresh(at, now)),
    }
}

/// Without a handshake it was in 1970. One of the future was just now: the clock went back.
fn is_fresh(handshake: SystemTime, now: SystemTime) -> bool {
    now.duration_since(handshake).map_or(true, |age| age < FRESH)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use defguard_wireguard_rs::key::Key;

    #[test]
    fn a_handshake_is_fresh_for_three_minutes() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        let second = Duration::from_secs(1);
        assert!(is_fresh(at, at) && is_fresh(at, at + FRESH - second));
        assert!(is_fresh(at, at - second), "the clock went back");
        assert!(!is_fresh(at, at + FRESH) && !is_fresh(SystemTime::UNIX_EPOCH, at));
    }

    #[test]
    fn keys_that_are_none_are_left_out_and_no_key_is_nobodys() {
        let good = PrivateKey::from_random([5; 32]).public_key();
        let keys = [[0; 32], *good.as_bytes()].map(Key::new);
        let mut host = Host { listen_port: 7, ..Host::default() };
        host.peers.extend(keys.map(|key| (key.clone(), WirePeer::new(key))));
        let seen = wireguard(host, &Known::new(), SystemTime::UNIX_EPOCH);
        assert_eq!(seen.peers, [(good, Peer::default())].into());
        assert_ne!(seen.private_key, PrivateKey::from_random([5; 32]));
    }
}
