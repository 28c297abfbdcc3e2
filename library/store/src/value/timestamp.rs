//! Moments as RFC 3339 text, for SQLite, and as microseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns the microseconds since 1970, rounded down; negative before. None beyond 64 bits.
pub(crate) fn micros(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).ok(),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_micros()).ok()?;
            let rounds = !before.subsec_nanos().is_multiple_of(1000);
            (-whole).checked_sub(i64::from(rounds))
        }
    }
}

/// Returns the moment so many microseconds after 1970.
pub(crate) fn from_micros(micros: i64) -> Option<SystemTime> {
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

const DAY: i64 = 86_400;
/// The microseconds from 1970 to the beginning of year 0 and to the end of year 9999, between which text sorts as time does.
#[cfg(feature = "sqlite")]
const BOUNDS: std::ops::Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

/// Writes `2026-11-29T12:00:00.000000Z`. None for a year that does not have four digits.
#[cfg(feature = "sqlite")]
pub(crate) fn to_text(time: SystemTime) -> Option<String> {
    let micros = micros(time).filter(|micros| BOUNDS.contains(micros))?;
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"))
}

/// Reads RFC 3339: with a `T` or a blank, any fraction of a second, `Z` or an offset such as `+02:00`.
pub(crate) fn from_text(text: &str) -> Option<SystemTime> {
    let number = |text: &str| -> Option<i64> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let (date, rest) = (text.get(..10)?, text.get(10..)?.strip_prefix(['T', 't', ' '])?);
    let [year, month, day] = [date.get(..4)?, date.get(5..7)?, date.get(8..)?].map(number);
    let (year, month, day) = (year?, month?, day?);
    let clock = rest.get(..8)?;
    let [hour, minute, second] = [clock.get(..2)?, clock.get(3..5)?, clock.get(6..)?].map(number);
    let (hour, minute, second) = (hour?, minute?, second?);
    let punctuated = [&date[4..5], &date[7..8], &clock[2..3], &clock[5..6]] == ["-", "-", ":", ":"];
    let in_range = hour < 24 && minute < 60 && second < 60 && civil(days(year, month, day)) == (year, month, day);
    if !punctuated || !in_range {
        return None;
    }
    let rest = &rest[8..];
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("0", rest),
    };
    let micros = number(format!("{fraction:0<6}").get(..6)?).filter(|_| !fraction.is_empty())?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
            sign * (number(hours).filter(|_| hours.len() == 2)? * 60
                + number(minutes).filter(|_| minutes.len() == 2)?)
        }
    };
    let seconds = days(year, month, day) * DAY + hour * 3600 + (minute - offset) * 60 + second;
    from_micros(seconds * 1_000_000 + micros)
}

/// The date of a day since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The day since 1970 of a date, by the same source.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[cfg(feature = "sqlite")]
    #[test]
    fn moments_round_trip_as_text_also_before_1970() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_795_953_600_123_456, "2026-11-29T12:00:00.123456Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            let time = from_micros(micros).unwrap();
            assert_eq!(to_text(time).as_deref(), Some(text));
            assert_eq!(from_text(text), Some(time), "{text}");
        }
        assert_eq!(to_text(from_micros(253_402_300_800_000_000).unwrap()), None, "five digits do not sort");
    }

    #[test]
    fn zones_and_short_fractions_are_read() {
        let noon = from_text("2026-11-29T12:00:00Z").unwrap();
        assert_eq!(from_text("2026-11-29 14:00:00+02:00"), Some(noon));
        assert_eq!(from_text("2026-11-29T06:30:00.0-05:30"), Some(noon));
        assert_eq!(from_text("2026-11-29T12:00:00.5Z"), Some(noon + Duration::from_millis(500)));
        assert_eq!(from_text("2026-11-29T12:00:00.123456789Z"), Some(noon + Duration::from_micros(123_456)));
    }

    #[test]
    fn malformed_moments_are_refused() {
        for text in [
            "",
            "2026-11-29",
            "2026-11-29T12:00:00",
            "2026-02-30T00:00:00Z",
            "2026-11-29T24:00:00Z",
            "2026-11-29T12:60:00Z",
            "2026/11/29T12:00:00Z",
            "2026-11-29T12.00.00Z",
            "2026-11-29T12:00:00.Z",
            "2026-11-29T12:00:00+2:00",
            "x026-11-29T12:00:00Z",
            "2026-11-29T12:00:60Z",
            "2026-00-29T12:00:00Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    #[test]
    fn fractions_of_a_microsecond_are_rounded_down_on_both_sides_of_1970() {
        let nanosecond = Duration::from_nanos(1);
        assert_eq!(micros(UNIX_EPOCH + nanosecond), Some(0));
        assert_eq!(micros(UNIX_EPOCH - nanosecond), Some(-1));
        assert_eq!(micros(UNIX_EPOCH - Duration::from_micros(5)), Some(-5));
    }
}
