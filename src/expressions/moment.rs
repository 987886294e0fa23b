//! Calendar and durations: what `getHours` and its like say. Everything is in UTC unless an offset is given.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Year, month (1 to 12) and day (1 to 31) of a day counted from 1970-01-01: Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// Days from the first of January to a day.
fn day_of_year(days: i64) -> i64 {
    let (_, month, day) = civil(days);
    // The day before, until January: at most twelve turns.
    let mut first = days - (day - 1);
    for _ in 1..month {
        first -= civil(first - 1).2;
    }
    days - first
}

/// What the function of that name says of a moment in milliseconds since 1970; months and days count from 0, as CEL
/// wants it, but for `getDate`.
pub fn of_time(name: &str, at: i64) -> i64 {
    let (days, ms) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    match name {
        "getFullYear" => year,
        "getMonth" => month - 1,
        "getDate" => day,
        "getDayOfMonth" => day - 1,
        "getDayOfYear" => day_of_year(days),
        // 1970-01-01 was a Thursday; Sunday is 0.
        "getDayOfWeek" => (days + 4).rem_euclid(7),
        "getHours" => ms / 3_600_000,
        "getMinutes" => ms / 60_000 % 60,
        "getSeconds" => ms / 1000 % 60,
        _ => ms % 1000,
    }
}

/// What the function of that name says of a duration in milliseconds: all of it in that unit.
pub fn of_duration(name: &str, ms: i64) -> i64 {
    match name {
        "getHours" => ms / 3_600_000,
        "getMinutes" => ms / 60_000,
        "getSeconds" => ms / 1000,
        _ => ms % 1000,
    }
}

/// `+02:00` in milliseconds; `UTC` and `Z` are none.
pub fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "Z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.strip_prefix(['+', '-']).unwrap_or(zone).split_once(':')?;
    let digits = |text: &str, most: i64| {
        let sound = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        sound.then(|| text.parse().ok())?.filter(|value: &i64| *value <= most)
    };
    Some(sign * (digits(hours, 23)? * 60 + digits(minutes, 59)?) * 60_000)
}

/// `-1h30m`, `1.5s`, `250ms` in milliseconds.
pub fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|char: char| !char.is_ascii_digit() && char != '.')?);
        let unit = &after[..after.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(after.len())];
        let ms = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * ms;
        rest = &after[unit.len()..];
    }
    // A hundred years; a float of that size still counts milliseconds.
    (total < 3.2e12).then_some((sign * total).round() as i64)
}

/// A duration as CEL writes it: `1.5s`.
pub fn written(ms: i64) -> String {
    format!("{}s", ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a calendar that is off by a day, in a leap year or over a year's end.
    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, of_week, of_year) in [
            ("1970-01-01T00:00:00Z", 4, 0),
            ("2000-02-29T23:59:59Z", 2, 59),
            ("2000-12-31T12:00:00Z", 0, 365),
            ("2026-11-21T08:30:01Z", 6, 324),
            ("2100-03-01T00:00:00Z", 1, 59),
        ] {
            let at = crate::clock::parse(text).expect("a moment").0 as i64;
            let part = |name| of_time(name, at);
            let date = format!("{:04}-{:02}-{:02}", part("getFullYear"), part("getMonth") + 1, part("getDate"));
            assert_eq!(date, text[..10]);
            assert_eq!((part("getDayOfWeek"), part("getDayOfYear")), (of_week, of_year), "{text}");
        }
    }

    /// Catches a duration that is read wrong, or that is none and is read.
    #[test]
    fn durations_are_read_as_they_are_meant() {
        for (text, ms) in [("1h30m", 5_400_000), ("-1.5s", -1500), ("250ms", 250), ("0s", 0)] {
            assert_eq!(duration(text), Some(ms), "{text}");
        }
        for text in ["", "-", "5", "s", "1.2.3s", "1d", "99999999999999h", "é", "1é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
