//! Whole numbers beyond 64 bits, which Python keeps exactly and keel cannot: they are refused rather than rounded.

/// Says what to do about such a number.
pub(super) fn beyond(digits: &str) -> String {
    let shown: String = digits.chars().take(40).collect();
    format!("the whole number {shown} is beyond 64 bits and would be rounded: write it as a text, in quotes")
}

/// Looks through JSON text for a whole number that does not fit.
///
/// # Errors
/// The first one, with its line.
pub(super) fn check_json(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                let number = &text[at..at + length];
                let whole = !number.contains(['.', 'e', 'E']);
                if whole && number.len() > 1 && number.parse::<i64>().is_err() {
                    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
                    return Err(format!("{}, at line {line}", beyond(number)));
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_beyond_64_bits_is_found_outside_of_strings() {
        let told = check_json("{\"a\": 1,\n \"b\": [9223372036854775808]}").unwrap_err();
        assert!(
            told.contains("9223372036854775808") && told.contains("line 2") && told.contains("in quotes"),
            "{told}"
        );
        assert!(check_json("[-9223372036854775809]").is_err());
        for fits in [
            "[9223372036854775807, -9223372036854775808]",
            "[1e30, 99999999999999999999.5]",
            "[\"99999999999999999999\\\" 1\"]",
            "-",
        ] {
            assert_eq!(check_json(fits), Ok(()), "{fits}");
        }
    }
}
