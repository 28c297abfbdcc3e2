//! Rates as people write them in files and on command lines: `200`, `200/s`, `90/m`.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A rate in a file, in requests a second: a number, or a text as [`parse()`] reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f64);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// Reads a rate in requests a second: a number, or one with its time: `200/s`, `90/m`, `3600/h`. Not negative.
///
/// # Errors
/// A sentence that names the expected form.
pub fn parse(text: &str) -> Result<f64, String> {
    let told = || format!("{text:?} is no rate: expected requests a second, such as 200, 200/s or 90/m");
    let (number, seconds) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m")) => (number, 60.0),
        Some((number, "h")) => (number, 3600.0),
        Some(_) => return Err(told()),
    };
    let number: f64 = number.parse().map_err(|_| told())?;
    if number.is_finite() && number >= 0.0 { Ok(number / seconds) } else { Err(told()) }
}

/// For fields of files: a number, or a text as [`parse()`] reads it.
///
/// # Errors
/// Those of [`parse()`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(RateVisitor)
}

/// The same for a field that may be left out.
///
/// # Errors
/// Those of [`parse()`].
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserialize(deserializer).map(Some)
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = f64;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("requests a second, such as 200 or \"200/s\"")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        parse(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_with_or_without_its_time() {
        for (text, rate) in [("200", 200.0), ("0.5", 0.5), ("200/s", 200.0), ("90/m", 1.5), ("3600/h", 1.0)] {
            assert_eq!(parse(text), Ok(rate), "{text}");
        }
        for wrong in ["", "x", "-1", "1/d", "/s", "inf", "1 /s", "NaN"] {
            assert!(parse(wrong).unwrap_err().contains("such as 200"), "{wrong}");
        }
    }

    #[test]
    fn files_have_rates_as_numbers_or_as_texts() {
        #[derive(serde::Deserialize)]
        struct File {
            #[serde(deserialize_with = "deserialize")]
            rate: f64,
            #[serde(default, deserialize_with = "optional")]
            peak: Option<f64>,
        }
        let of = |text: &str| toml::from_str::<File>(text).map(|file| (file.rate, file.peak));
        assert_eq!(of("rate = 50"), Ok((50.0, None)));
        assert_eq!(of("rate = 0.5\npeak = \"90/m\""), Ok((0.5, Some(1.5))));
        assert!(of("rate = \"much\"").unwrap_err().to_string().contains("such as 200"));
    }
}
