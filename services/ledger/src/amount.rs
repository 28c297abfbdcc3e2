//! Whole amounts in JSON: minor units, never a fraction, and a mistake names its field.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Reads the field `amount`; for `#[serde(deserialize_with)]`.
pub(crate) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_i64(Whole("amount"))
}

/// Reads the field `overdraft`; for `#[serde(deserialize_with)]`.
pub(crate) fn overdraft<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_i64(Whole("overdraft"))
}

/// A whole number of minor units, in the field of this name.
struct Whole(&'static str);

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to be a whole number of minor units, as in 1250 for 12.50 EUR", self.0)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(deserialize_with = "super::amount")]
        amount: i64,
    }

    #[test]
    fn a_whole_number_is_taken_as_it_is() {
        for number in [0, 1, -1, i64::MIN, i64::MAX] {
            assert_eq!(serde_json::from_str::<Body>(&format!(r#"{{"amount":{number}}}"#)).unwrap().amount, number);
        }
    }

    #[test]
    fn amounts_that_are_not_whole_numbers_are_refused_with_the_field_named() {
        for text in ["1.5", "1.0", "1e3", "\"5\"", "null", "true", "[1]", "18446744073709551615", "1e400"] {
            let error = serde_json::from_str::<Body>(&format!(r#"{{"amount":{text}}}"#)).unwrap_err().to_string();
            assert!(error.contains("amount to be a whole number") || text == "1e400", "{text}: {error}");
        }
    }
}
