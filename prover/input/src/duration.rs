//! Durations as people write them in files and on command lines.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads `250us`, `500ms`, `10s`, `1.5m` or `2h`: a number and its unit, longer than nothing.
///
/// # Errors
/// A sentence that names the expected form.
pub fn parse(text: &str) -> Result<Duration, String> {
    let told = || format!("{text:?} is no duration: expected such as 500ms, 10s or 2m");
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(told)?;
    let number: f64 = text[..split].parse().map_err(|_| told())?;
    let unit = match &text[split..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(told()),
    };
    let duration = Duration::try_from_secs_f64(number * unit).map_err(|_| told())?;
    match duration.is_zero() {
        true => Err(format!("{text:?} is no time at all: expected such as 500ms, 10s or 2m")),
        false => Ok(duration),
    }
}

/// Reads a flag that used to take bare seconds: a duration as [`parse()`] reads it, or a whole number of seconds above 0.
///
/// # Errors
/// Those of [`parse()`].
pub fn parse_or_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => parse(text),
    }
}

/// Reads a field whose older spelling counts milliseconds: a duration as [`parse()`] reads it or `"0ms"`, or a bare number
/// of milliseconds.
///
/// # Errors
/// Those of [`parse()`], and a duration that is no whole number of milliseconds.
pub fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_any(Milliseconds)
}

/// The same as [`deserialize`] for a field that may be left out.
///
/// # Errors
/// Those of [`parse()`].
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserialize(deserializer).map(Some)
}

struct Milliseconds;

impl Visitor<'_> for Milliseconds {
    type Value = u32;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a duration such as \"50ms\", or a number of milliseconds")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        if text == "0ms" || text == "0s" {
            return Ok(0);
        }
        let duration = parse(text).map_err(E::custom)?;
        let whole = u32::try_from(duration.as_millis()).ok();
        let whole = whole.filter(|whole| Duration::from_millis(u64::from(*whole)) == duration);
        whole.ok_or_else(|| E::custom(format!("{text:?} is no whole number of milliseconds")))
    }
}

/// For fields of files: `#[serde(deserialize_with = "keel_input::duration::deserialize")]`.
///
/// # Errors
/// Those of [`parse()`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_took_seconds_take_durations_too() {
        assert_eq!(parse_or_seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_or_seconds("1500ms"), Ok(Duration::from_millis(1500)));
        assert!(parse_or_seconds("0").is_err() && parse_or_seconds("ten").is_err() && parse_or_seconds("-1").is_err());
    }

    #[test]
    fn fields_in_milliseconds_take_durations_too() {
        #[derive(Deserialize)]
        struct File {
            #[serde(deserialize_with = "milliseconds")]
            delay: u32,
        }
        let of = |text: &str| toml::from_str::<File>(text).map(|file| file.delay);
        assert_eq!((of("delay = 50"), of("delay = \"1.5s\""), of("delay = \"0ms\"")), (Ok(50), Ok(1500), Ok(0)));
        for wrong in ["delay = -1", "delay = \"50\"", "delay = \"10us\"", "delay = 0.5"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        for (text, milliseconds) in [("500ms", 500), ("10s", 10_000), ("1.5m", 90_000), ("2h", 7_200_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(parse("250us"), Ok(Duration::from_micros(250)));
        for wrong in ["", "10", "s", "0s", "-1s", "1d", "10 s", "1..5s", "99999999999999999999s"] {
            assert!(parse(wrong).unwrap_err().contains("such as 500ms"), "{wrong}");
        }
    }
}
