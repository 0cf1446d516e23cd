//! How many connections there are, and of whom.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use wgcni_daemon::Neighbourhood;

use super::Caps;
use super::rates::Rates;

/// Counts the connections of one listener against its caps.
pub(super) struct Places {
    caps: Caps,
    connects: Rates<Neighbourhood>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: Count,
    by_address: HashMap<Neighbourhood, Count>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    connections: usize,
    handshakes: usize,
}

impl Count {
    fn add(&mut self) {
        self.connections += 1;
        self.handshakes += 1;
    }
}

/// A connection's place: until it is dropped the connection counts.
pub(super) struct Place {
    places: Arc<Places>,
    of: Neighbourhood,
    handshaking: bool,
}

impl Places {
    pub(super) fn new(caps: Caps) -> Arc<Self> {
        let connects = Rates::new(caps.connects);
        Arc::new(Self { caps, connects, taken: Mutex::default() })
    }

    /// A place for a connection from `address`, when there is one.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<Place> {
        let of = Neighbourhood::of(address);
        if !self.connects.admit(of, now) {
            return None;
        }
        let mut taken = self.taken();
        let (all, its) = (taken.all, taken.by_address.get(&of).copied().unwrap_or_default());
        let free = all.connections < self.caps.total
            && all.handshakes < self.caps.handshakes
            && its.connections < self.caps.per_address
            && its.handshakes < self.caps.handshakes_per_address;
        if !free {
            return None;
        }
        taken.all.add();
        taken.by_address.entry(of).or_default().add();
        Some(Place { places: Arc::clone(self), of, handshaking: true })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The handshake is done.
    pub(super) fn shaken(&mut self) {
        if std::mem::take(&mut self.handshaking) {
            let mut taken = self.places.taken();
            taken.all.handshakes -= 1;
            if let Some(its) = taken.by_address.get_mut(&self.of) {
                its.handshakes -= 1;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shaken();
        let mut taken = self.places.taken();
        taken.all.connections -= 1;
        if let Some(its) = taken.by_address.get_mut(&self.of) {
            its.connections -= 1;
            if its.connections == 0 {
                taken.by_address.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::server::Rate;
    use std::time::Duration;

    fn places(caps: Caps) -> (Arc<Places>, Instant) {
        (Places::new(caps), Instant::now())
    }

    fn v4(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn one_address_takes_its_share_and_gives_it_back() {
        let caps = Caps { per_address: 2, handshakes_per_address: 1, total: 3, ..Caps::main() };
        let (places, now) = places(caps);
        let mut one = places.take(v4(1), now).unwrap();
        assert!(places.take(v4(1), now).is_none());
        one.shaken();
        let mut two = places.take(v4(1), now).unwrap();
        two.shaken();
        assert!(places.take(v4(1), now).is_none());
        let other = places.take(v4(2), now).unwrap();
        assert!(places.take(v4(3), now).is_none(), "the total");
        drop((one, two, other));
        let taken = places.taken();
        assert_eq!((taken.all.connections, taken.all.handshakes), (0, 0));
        assert!(taken.by_address.is_empty());
    }

    #[test]
    fn a_whole_64_is_one_address_and_a_mapped_one_is_an_ipv4_address() {
        let of = |text: &str| Neighbourhood::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
    }

    #[test]
    fn whoever_connects_too_often_waits() {
        let connects = Rate { burst: 2, every: Duration::from_secs(1) };
        let (places, now) = places(Caps { connects, ..Caps::main() });
        let take = |address, now| places.take(address, now).is_some();
        assert!(take(v4(1), now) && take(v4(1), now) && !take(v4(1), now));
        assert!(take(v4(2), now));
        assert!(take(v4(1), now + Duration::from_secs(1)));
    }
}
