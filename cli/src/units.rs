//! Amounts and ages for people.

use std::time::Duration;

use wgcni_api::view::Traffic;

use crate::times;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Bytes, with three digits: "0 B", "1.50 KiB", "12.3 MiB".
pub(crate) fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// When the last handshake was: "5 s ago", "never", or nothing where it is not known.
pub(crate) fn handshake(traffic: Option<&Traffic>) -> String {
    match traffic {
        None => String::new(),
        Some(Traffic { handshake: None, .. }) => "never".to_owned(),
        Some(Traffic { handshake: Some(age), .. }) => times::ago(*age),
    }
}

/// For how long something is so; empty: it is not.
pub(crate) fn lasting(time: Option<Duration>) -> String {
    time.map(times::lasting).unwrap_or_default()
}

/// Seconds, for programs.
pub(crate) fn seconds(time: Option<Duration>) -> Option<u64> {
    time.map(|time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (10_239, "10.0 KiB"),
            (1024 * 1024 - 1, "1.00 MiB"),
            (123 * 1024 * 1024, "123 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text, "{count}");
        }
    }
}
