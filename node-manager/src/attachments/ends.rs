//! When DELs began, so that an ADD that began before and arrives after is refused.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use wgcni_model::AttachmentKey;

/// How many are remembered: the DELs of far more time than an ADD lives (10 s).
const MOST: usize = 4096;

/// The newest DEL of each attachment, by the host's clock since its boot. Attachments are
/// known by their fingerprints: there may be many, and names are long.
#[derive(Debug, Default)]
pub struct Ends {
    newest: HashMap<u128, Duration>,
    order: VecDeque<(u128, Duration)>,
}

impl Ends {
    /// Notes a DEL that began then.
    pub fn note(&mut self, key: &AttachmentKey, began: Duration) {
        let key = key.fingerprint();
        let newest = self.newest.entry(key).or_default();
        *newest = began.max(*newest);
        self.order.push_back((key, began));
        if self.order.len() > MOST
            && let Some((key, began)) = self.order.pop_front()
            && self.newest.get(&key) == Some(&began)
        {
            self.newest.remove(&key);
        }
    }

    /// Whether a DEL that began after `began` was served.
    pub fn overtook(&self, key: &AttachmentKey, began: Duration) -> bool {
        self.newest.get(&key.fingerprint()).is_some_and(|end| began < *end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(n: usize) -> AttachmentKey {
        AttachmentKey {
            network: "wgnet".parse().unwrap(),
            container_id: format!("c{n}").parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }
    }

    #[test]
    fn only_a_later_end_of_the_same_attachment_overtakes_and_memory_is_bounded() {
        let at = Duration::from_secs;
        let mut ends = Ends::default();
        ends.note(&key(0), at(10));
        ends.note(&key(0), at(9));
        let overtaken = [9, 10, 11].map(|began| ends.overtook(&key(0), at(began)));
        assert_eq!(overtaken, [true, false, false]);
        assert!(!ends.overtook(&key(1), at(9)));
        for n in 1..=MOST {
            ends.note(&key(n), at(20));
        }
        assert!(!ends.overtook(&key(0), at(9)));
        assert!(ends.overtook(&key(1), at(19)));
        assert_eq!((ends.newest.len(), ends.order.len()), (MOST, MOST));
    }
}
