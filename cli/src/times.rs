//! Times for people and programs.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Time since the Unix epoch: the one place that looks at the clock.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A Unix time in milliseconds as RFC 3339 in UTC, to the second; none for 0, which means
/// "never".
pub(crate) fn rfc3339(unix_ms: u64) -> Option<String> {
    let seconds = i64::try_from(unix_ms / 1000).ok().filter(|seconds| *seconds > 0)?;
    let t = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
    let (hour, minute, second) = (t.hour(), t.minute(), t.second());
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// How far away a moment is: "in 23 h", "5 min ago", "now".
pub(crate) fn relative(unix_ms: u64, now: Duration) -> String {
    let then = Duration::from_millis(unix_ms);
    let (ahead, behind) = (then.saturating_sub(now), now.saturating_sub(then));
    match (span(ahead.as_secs()), span(behind.as_secs())) {
        (Some(span), _) => format!("in {span}"),
        (None, Some(span)) => format!("{span} ago"),
        (None, None) => "now".to_owned(),
    }
}

/// How long ago something was.
pub(crate) fn ago(age: Duration) -> String {
    span(age.as_secs()).map_or_else(|| "now".to_owned(), |span| format!("{span} ago"))
}

/// How long something lasts.
pub(crate) fn lasting(time: Duration) -> String {
    span(time.as_secs()).unwrap_or_else(|| "0 s".to_owned())
}

/// Both forms; "never" for 0.
pub(crate) fn both(unix_ms: u64, now: Duration) -> String {
    match rfc3339(unix_ms) {
        Some(text) => format!("{text} ({})", relative(unix_ms, now)),
        None => "never".to_owned(),
    }
}

/// A span in its largest unit, rounded down; none below a second.
fn span(seconds: u64) -> Option<String> {
    match seconds {
        0 => None,
        1..MINUTE => Some(format!("{seconds} s")),
        MINUTE..HOUR => Some(format!("{} min", seconds / MINUTE)),
        HOUR..=172_799 => Some(format!("{} h", seconds / HOUR)),
        _ => Some(format!("{} d", seconds / DAY)),
    }
}

/// Reads a span: a number and `s`, `m`, `h` or `d`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let bad = || "is not a time span like 90s, 15m, 1h or 30d".to_owned();
    let unit = text.chars().next_back().ok_or_else(bad)?;
    let number = &text[..text.len() - unit.len_utf8()];
    let factor = match unit {
        's' => 1,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return Err(bad()),
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| number.parse::<u64>().ok()).flatten().ok_or_else(bad)?;
    let seconds = number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(bad)?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_and_relative() {
        let now = Duration::from_hours(500_000);
        let at = |seconds: i64| (1_800_000_000 + seconds).unsigned_abs() * 1000;
        assert_eq!(rfc3339(at(0)).unwrap(), "2027-01-15T08:00:00Z");
        assert_eq!(rfc3339(0), None);
        assert_eq!(rfc3339(u64::MAX), None);
        for (seconds, text) in [
            (0, "now"),
            (1, "in 1 s"),
            (-59, "59 s ago"),
            (-300, "5 min ago"),
            (3599, "in 59 min"),
            (23 * 3600, "in 23 h"),
            (-47 * 3600, "47 h ago"),
            (48 * 3600, "in 2 d"),
        ] {
            assert_eq!(relative(at(seconds), now), text);
        }
        assert_eq!(both(at(-300), now), "2027-01-15T07:55:00Z (5 min ago)");
        assert_eq!(both(0, now), "never");
    }

    #[test]
    fn spans_have_a_unit_and_a_length() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2_592_000)] {
            assert_eq!(parse_span(text).unwrap(), Duration::from_secs(seconds));
        }
        for bad in
            ["", "h", "1", "0s", "-1h", "+1h", "1.5h", "1 h", "1y", "99999999999999999999d", "1é"]
        {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }
}
