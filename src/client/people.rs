//! Times and numbers as people say them.

use std::time::Duration;

use operators::UnixMillis;

use crate::clock;

/// How long ago that moment (RFC 3339) was: `3 min`. A dash where it is none.
pub fn ago(moment: &str, now: UnixMillis) -> String {
    let past = clock::parse(moment).map(|moment| Duration::from_millis(now.0.saturating_sub(moment.0)));
    past.map_or_else(|| "-".to_owned(), duration)
}

/// A time in its largest unit: `42 s`, `3 min`, `5 h`, `12 d`.
pub fn duration(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match time.as_secs() {
        seconds @ ..MINUTE => format!("{seconds} s"),
        seconds @ ..HOUR => format!("{} min", seconds / MINUTE),
        // "47 h" says more than "1 d".
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} d", seconds / DAY),
    }
}

/// Milliseconds: `12 ms`, and `1.5 s` from a second on.
pub fn milliseconds(ms: f64) -> String {
    match ms < 1000.0 {
        true => format!("{ms:.0} ms"),
        false => format!("{:.1} s", ms / 1e3),
    }
}

/// `1 worker`, `2 workers`.
pub fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        let told = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [0, 59, 60, 3599, 3600, 47 * 3600, 48 * 3600].map(told),
            ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d"]
        );
        let now = clock::parse("2026-11-21T08:33:05Z").expect("a moment");
        assert_eq!(ago("2026-11-21T08:30:01.250Z", now), "3 min");
        assert_eq!((ago("2026-11-21T08:40:00Z", now).as_str(), ago("", now).as_str()), ("0 s", "-"));
        assert_eq!((milliseconds(12.4).as_str(), milliseconds(1540.0).as_str()), ("12 ms", "1.5 s"));
        assert_eq!(
            (count(1, "process", "processes"), count(3, "process", "processes")),
            ("1 process".into(), "3 processes".into())
        );
    }
}
