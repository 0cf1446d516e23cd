//! Counters at one moment, and what passed between two. Pure but for the asking.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use wgcni_api::view::{Attachment, PeerSeen, Traffic};

use crate::Failure;
use crate::nearby::Nearby;
use crate::units;

/// What a row is about: peers come before attachments, each in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub(crate) enum Who {
    /// Another node.
    Peer(String),
    /// A container: network, container, interface.
    Attachment(String),
}

/// All counters of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When, on a clock that only goes forward.
    pub at: Duration,
    /// The node.
    pub node: String,
    /// What is known of each; no counters where there are none.
    pub rows: BTreeMap<Who, Option<Traffic>>,
    /// Why counters are not known.
    pub trouble: Option<String>,
}

/// What passed between two samples, per second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Rate {
    #[serde(flatten)]
    pub who: Who,
    /// Bytes per second from it; none where it was not there before.
    pub received_per_second: Option<u64>,
    /// Bytes per second to it.
    pub sent_per_second: Option<u64>,
    /// Age of the last handshake; none: never, or unknown.
    pub handshake_age_seconds: Option<u64>,
    /// Bytes from it, since the counters began.
    pub received_bytes: Option<u64>,
    /// Bytes to it.
    pub sent_bytes: Option<u64>,
}

/// Asks a node for all counters.
pub(crate) async fn sample(nearby: &Nearby) -> Result<Sample, Failure> {
    let (mesh, attachments) = (nearby.mesh().await?, nearby.attachments().await?);
    let at = since_start();
    let peer = |peer: PeerSeen| (Who::Peer(peer.node.to_string()), peer.traffic);
    let attachment =
        |attachment: Attachment| (Who::Attachment(attachment.key.to_string()), attachment.traffic);
    let attachments_rows = attachments.all.into_iter().map(attachment);
    Ok(Sample {
        at,
        node: mesh.node.to_string(),
        rows: mesh.peers.all.into_iter().map(peer).chain(attachments_rows).collect(),
        trouble: mesh.peers.trouble.or(attachments.trouble),
    })
}

/// Time since this was asked first.
fn since_start() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// What passed per second, for each that is there after.
pub(crate) fn rates(before: &Sample, after: &Sample) -> Vec<Rate> {
    let time = after.at.saturating_sub(before.at);
    let rate = |(who, now): (&Who, &Option<Traffic>)| {
        let was = before.rows.get(who).copied().flatten();
        let per_second = |of: fn(&Traffic) -> u64| {
            let (was, now) = (of(&was?), of(&(*now)?));
            // Counters that show less began anew: all that they show came since.
            per_second(now.checked_sub(was).unwrap_or(now), time)
        };
        Rate {
            who: who.clone(),
            received_per_second: per_second(|traffic| traffic.received),
            sent_per_second: per_second(|traffic| traffic.sent),
            handshake_age_seconds: units::seconds(now.and_then(|traffic| traffic.handshake)),
            received_bytes: now.map(|traffic| traffic.received),
            sent_bytes: now.map(|traffic| traffic.sent),
        }
    };
    after.rows.iter().map(rate).collect()
}

/// Rounded down; none where no time passed.
fn per_second(bytes: u64, time: Duration) -> Option<u64> {
    let nanoseconds = time.as_nanos();
    let per_second = (u128::from(bytes) * 1_000_000_000).checked_div(nanoseconds)?;
    Some(u64::try_from(per_second).unwrap_or(u64::MAX))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn traffic(received: u64, sent: u64) -> Traffic {
        Traffic { handshake: Some(Duration::from_secs(7)), received, sent }
    }

    pub(crate) fn at(seconds: u64, rows: &[(Who, Option<Traffic>)]) -> Sample {
        let (at, rows) = (Duration::from_secs(seconds), rows.iter().cloned().collect());
        Sample { at, node: "ash".to_owned(), rows, trouble: None }
    }

    fn peer(name: &str) -> Who {
        Who::Peer(name.to_owned())
    }

    fn both(before: &Sample, after: &Sample) -> Vec<(Option<u64>, Option<u64>)> {
        let rates = rates(before, after);
        rates.iter().map(|rate| (rate.received_per_second, rate.sent_per_second)).collect()
    }

    #[test]
    fn rates_are_what_passed_per_second() {
        let before = at(10, &[(peer("birch"), Some(traffic(1_000, 0)))]);
        let after = at(12, &[(peer("birch"), Some(traffic(3_000, 1)))]);
        assert_eq!(both(&before, &after), [(Some(1_000), Some(0))]);
        assert_eq!(rates(&before, &after)[0].handshake_age_seconds, Some(7));
    }

    #[test]
    fn counters_that_began_anew_show_what_came_since() {
        let before = at(10, &[(peer("birch"), Some(traffic(u64::MAX, 500)))]);
        let after = at(12, &[(peer("birch"), Some(traffic(3_000, 600)))]);
        assert_eq!(both(&before, &after), [(Some(1_500), Some(50))]);
    }

    #[test]
    fn who_came_has_no_rate_yet_and_who_left_no_row() {
        let before =
            at(1, &[(peer("birch"), Some(traffic(9, 9))), (peer("gone"), Some(traffic(9, 9)))]);
        let after = at(2, &[(peer("birch"), None), (peer("new"), Some(traffic(999, 999)))]);
        assert_eq!(both(&before, &after), [(None, None), (None, None)]);
    }

    #[test]
    fn no_time_is_no_rate_and_nothing_overflows() {
        let rows = [(peer("birch"), Some(traffic(0, 0)))];
        let more = [(peer("birch"), Some(traffic(u64::MAX, 1)))];
        assert_eq!(both(&at(1, &rows), &at(1, &more)), [(None, None)]);
        let mut soon = at(1, &more);
        soon.at += Duration::from_nanos(1);
        assert_eq!(both(&at(1, &rows), &soon), [(Some(u64::MAX), Some(1_000_000_000))]);
        // A clock that went back, which this one does not.
        assert_eq!(both(&at(2, &rows), &at(1, &more)), [(None, None)]);
    }
}
