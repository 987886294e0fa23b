//! Moments as people write them: RFC 3339, always UTC.

use operators::UnixMillis;

/// The last moment that four digits of a year can name: 9999-12-31 23:59:59.999.
const LAST: UnixMillis = UnixMillis(253_402_300_799_999);

/// A moment to the millisecond: `2026-11-21T08:30:01.250Z`. What lies after the year 9999 reads as its last moment.
pub fn rfc3339(at: UnixMillis) -> String {
    humantime::format_rfc3339_millis(at.min(LAST).into()).to_string()
}

/// The day of a moment: `2026-11-21`.
pub fn date(at: UnixMillis) -> String {
    let mut text = rfc3339(at);
    text.truncate("2026-11-21".len());
    text
}

/// The day and the second of a moment, for people: `2026-11-21 08:30:01`.
pub fn second(at: UnixMillis) -> String {
    let text = rfc3339(at);
    format!("{} {}", &text[..10], &text[11..19])
}

/// A moment out of RFC 3339 text, with `Z`, an offset (`+02:00`) or neither, which is read as UTC. `None` where it is no
/// such text, or a moment before 1970.
pub fn parse(text: &str) -> Option<UnixMillis> {
    let (local, offset) = split_offset(text.trim())?;
    let local = UnixMillis::from(humantime::parse_rfc3339_weak(local).ok()?);
    Some(UnixMillis(local.0.checked_add_signed(-offset)?))
}

/// The text without its zone, and the zone's distance from UTC in milliseconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    let zone = text.len().checked_sub("+02:00".len());
    let Some((local, zone)) = zone.and_then(|at| text.split_at_checked(at)) else {
        return Some((text, 0));
    };
    let sign = match zone.as_bytes()[0] {
        b'+' => 1,
        b'-' if local.len() > "2026-11-21".len() => -1,
        _ => return Some((text, 0)),
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 23)?, digits(minutes, 59)?);
    Some((local, sign * (hours * 60 + minutes) * 60_000))
}

/// Two digits that say at most `most`.
fn digits(text: &str, most: i64) -> Option<i64> {
    let all_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok())?.filter(|value| *value <= most)
}

/// A moment out of a Unix time: seconds, or milliseconds where the number is too large for seconds of this age
/// (from 10¹¹ on, which as seconds is the year 5138 and as milliseconds 1973).
pub fn from_unix(time: f64) -> Option<UnixMillis> {
    const MILLISECONDS_FROM: f64 = 1e11;
    let ms = if time < MILLISECONDS_FROM { time * 1000.0 } else { time };
    (0.0..=LAST.0 as f64).contains(&ms).then_some(UnixMillis(ms.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORNING: UnixMillis = UnixMillis(1_795_249_801_250);

    #[test]
    fn a_moment_is_written_as_people_expect_it() {
        assert_eq!(rfc3339(MORNING), "2026-11-21T08:30:01.250Z");
        assert_eq!(date(MORNING), "2026-11-21");
        assert_eq!(second(MORNING), "2026-11-21 08:30:01");
        assert_eq!(date(UnixMillis(0)), "1970-01-01");
    }

    #[test]
    fn no_moment_panics() {
        assert_eq!(rfc3339(UnixMillis(u64::MAX)), "9999-12-31T23:59:59.999Z");
        assert_eq!(parse("1969-12-31T23:59:59Z"), None);
        assert_eq!(parse("1970-01-01T00:30:00+01:00"), None);
    }

    #[test]
    fn zones_are_taken_off() {
        for text in [
            "2026-11-21T08:30:01.25Z",
            "2026-11-21T08:30:01.250",
            "2026-11-21 08:30:01.250",
            " 2026-11-21T10:30:01.250+02:00\n",
            "2026-11-21T03:00:01.250-05:30",
        ] {
            assert_eq!(parse(text), Some(MORNING), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "now", "2026", "2026-11-21", "2026-11-21T08:30:01+2:00", "2026-13-01T00:00:00Z", "ö–+02:00", "T+25:00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn unix_times_come_in_seconds_and_in_milliseconds() {
        assert_eq!(from_unix(1_795_249_801.25), Some(MORNING));
        assert_eq!(from_unix(1_795_249_801_250.0), Some(MORNING));
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(from_unix(wrong), None);
        }
    }
}
