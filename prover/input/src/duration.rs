//! Durations as people write them in files and on command lines.

use std::time::Duration;

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
