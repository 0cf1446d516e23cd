//! What a device tells about itself, in our types.

use crate::state::{Peer, Wireguard};
use defguard_wireguard_rs::host::Host;
use defguard_wireguard_rs::peer::Peer as WirePeer;
use ipnetwork::IpNetwork;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use wgcni_model::{PrivateKey, PublicKey};

/// An endpoint that a handshake this young came from is in use (`REJECT_AFTER_TIME`).
const FRESH: Duration = Duration::from_secs(180);

/// Public keys that need no check, by their bytes: to check one costs as much as a handshake.
pub(crate) type Known = HashMap<[u8; 32], PublicKey>;

/// The keys of a wish.
pub(crate) fn known(want: Option<&Wireguard>) -> Known {
    let keys = want.into_iter().flat_map(|w| w.peers.keys());
    keys.map(|key| (*key.as_bytes(), *key)).collect()
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

fn peer(wire: &WirePeer, now: SystemTime) -> Peer {
    let allowed = wire.allowed_ips.iter();
    Peer {
        endpoint: wire.endpoint,
        allowed_ips: allowed.filter_map(|a| IpNetwork::new(a.address, a.cidr).ok()).collect(),
        keepalive: wire.persistent_keepalive_interval.unwrap_or(0),
        fresh: wire.last_handshake.is_some_and(|at| is_fresh(at, now)),
    }
}

fn is_fresh(handshake: SystemTime, now: SystemTime) -> bool {
    // A clock that went back makes a handshake of the future: it was just now.
    handshake != SystemTime::UNIX_EPOCH
        && now.duration_since(handshake).is_ok_and(|age| age < FRESH) | (handshake > now)
}
