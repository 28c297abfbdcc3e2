//! Durations in settings, such as `250ms`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration such as 250ms, 10s, 5m, 1h or 7d")]
#[non_exhaustive]
pub struct InvalidDuration {
    /// The text.
    pub text: String,
}

/// Parses `250ms`, `10s`, `5m`, `1h`, `7d`: a whole number and its unit.
///
/// # Errors
/// [`InvalidDuration`], which names the expected form.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration { text: text.to_owned() };
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
    let number: u64 = text[..unit].parse().map_err(|_| invalid())?;
    let milliseconds = match &text[unit..] {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    };
    milliseconds.map(Duration::from_millis).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for text in ["", "10", "s", "1.5s", "-1s", "10 s", "99999999999999999h"] {
            assert!(parse_duration(text).unwrap_err().to_string().contains("such as"), "{text}");
        }
    }
}
