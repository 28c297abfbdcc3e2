//! Exact decimal numbers, as text and in PostgreSQL's binary format.

use std::fmt;
use std::str::FromStr;

/// The most digits before the point that PostgreSQL takes.
const MAX_WHOLE: usize = 131_072;
/// The most digits behind the point that PostgreSQL takes.
const MAX_FRACTION: usize = 16_383;

/// An exact decimal number: `12.50`, `-0.001`. NUMERIC on PostgreSQL, TEXT on SQLite.
///
/// It computes nothing: parse it into the decimal type of your choice. Two numbers are equal when they are written alike, so
/// `1.5` and `1.50` differ. NaN and infinities are refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numeric {
    /// Without a leading plus, with at least one digit before the point, without leading zeros.
    text: String,
}

/// Text that is no decimal number: an optional sign, digits, and optionally a point with digits behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a decimal number is written as -12.50, with at most {MAX_WHOLE} digits before the point and {MAX_FRACTION} behind it"
)]
pub struct InvalidNumeric;

impl Numeric {
    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[cfg(feature = "postgres")]
    fn parts(&self) -> (bool, &str, &str) {
        let (negative, digits) = match self.text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.text.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (negative, whole, fraction)
    }

    /// Writes PostgreSQL's binary format: the number of base-10000 digits, the weight of the first, sign, scale, digits.
    #[cfg(feature = "postgres")]
    pub(crate) fn to_binary(&self) -> Vec<u8> {
        let (negative, whole, fraction) = self.parts();
        let digits = |text: &str| -> Vec<u16> {
            text.as_bytes().chunks(4).map(|four| four.iter().fold(0, |sum, b| sum * 10 + u16::from(b - b'0'))).collect()
        };
        let whole_groups = digits(&format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4)));
        let mut groups = whole_groups.clone();
        groups.extend(digits(&format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4))));
        let leading = groups.iter().take_while(|&&group| group == 0).count();
        let weight = whole_groups.len() as i64 - 1 - leading as i64;
        let mut groups = groups.split_off(leading);
        groups.truncate(groups.iter().rposition(|&group| group != 0).map_or(0, |last| last + 1));
        let mut bytes = Vec::with_capacity(8 + 2 * groups.len());
        // The bounds of the digits keep each of these within 16 bits.
        bytes.extend((groups.len() as u16).to_be_bytes());
        bytes.extend((if groups.is_empty() { 0 } else { weight as i16 }).to_be_bytes());
        bytes.extend((if negative && !groups.is_empty() { 0x4000_u16 } else { 0 }).to_be_bytes());
        bytes.extend((fraction.len() as u16).to_be_bytes());
        groups.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
        bytes
    }

    /// Reads PostgreSQL's binary format.
    ///
    /// # Errors
    /// When it is malformed, NaN or infinite.
    #[cfg(feature = "postgres")]
    pub(crate) fn from_binary(bytes: &[u8]) -> Result<Self, &'static str> {
        let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let [count, weight, sign, scale, groups @ ..] = words.as_slice() else { return Err("it is too short") };
        if groups.len() != usize::from(*count) || groups.iter().any(|&group| group > 9999) {
            return Err("it is malformed");
        }
        let weight = i64::from(i16::from_be_bytes(weight.to_be_bytes()));
        let group = |exponent: i64| {
            usize::try_from(weight - exponent).ok().and_then(|index| groups.get(index)).copied().unwrap_or_default()
        };
        let mut text = String::new();
        match sign {
            0x0000 => {}
            0x4000 => text.push('-'),
            _ => return Err("it is NaN or infinite"),
        }
        let whole: String = (0..=weight.max(0)).rev().map(|exponent| format!("{:04}", group(exponent))).collect();
        let whole = whole.trim_start_matches('0');
        text.push_str(if whole.is_empty() { "0" } else { whole });
        if *scale > 0 {
            let groups = i64::from(scale.div_ceil(4));
            let fraction: String = (1..=groups).map(|place| format!("{:04}", group(-place))).collect();
            text.push('.');
            text.push_str(&fraction[..usize::from(*scale)]);
        }
        Ok(Self { text })
    }
}

impl FromStr for Numeric {
    type Err = InvalidNumeric;

    fn from_str(text: &str) -> Result<Self, InvalidNumeric> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) || whole.len() > MAX_WHOLE || fraction.len() > MAX_FRACTION {
            return Err(InvalidNumeric);
        }
        let significant = whole.trim_start_matches('0');
        let whole = if significant.is_empty() { "0" } else { significant };
        let is_zero = whole == "0" && fraction.bytes().all(|byte| byte == b'0');
        let sign = if is_zero { "" } else { sign };
        let text = if digits.contains('.') { format!("{sign}{whole}.{fraction}") } else { format!("{sign}{whole}") };
        Ok(Self { text })
    }
}

impl From<i64> for Numeric {
    fn from(number: i64) -> Self {
        Self { text: number.to_string() }
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers_are_read_and_written_alike() {
        for (text, written) in
            [("12.50", "12.50"), ("-0.001", "-0.001"), ("007", "7"), ("+1", "1"), ("-0.0", "0.0"), ("0", "0")]
        {
            assert_eq!(text.parse::<Numeric>().unwrap().to_string(), written);
        }
        for text in ["", "-", ".5", "5.", "1e3", "NaN", "Infinity", "1,5", "0x1", " 1", "--1", &"1".repeat(131_073)] {
            assert_eq!(text.parse::<Numeric>(), Err(InvalidNumeric), "{text}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_binary_format_round_trips() {
        let long = format!("-{}.{}", "1234567890".repeat(30), "0009".repeat(50));
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "9999",
            "10000.0001",
            "0.0001",
            "0.00001",
            "-0.10",
            "123456789.987654321",
            "100000000",
            "0.000000000001",
            &long,
        ] {
            let number: Numeric = text.parse().unwrap();
            assert_eq!(Numeric::from_binary(&number.to_binary()).unwrap().to_string(), text);
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn malformed_binary_numbers_nan_and_infinity_are_refused() {
        let nan = [0, 0, 0, 0, 0xc0, 0, 0, 0];
        assert!(Numeric::from_binary(&nan).unwrap_err().contains("NaN"));
        for bytes in [&[][..], &[0, 1, 0, 0, 0, 0, 0, 0], &[0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff]] {
            assert!(Numeric::from_binary(bytes).is_err(), "{bytes:?}");
        }
    }
}
