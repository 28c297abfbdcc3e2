//! JSON values written straight into a line, without a tree in between.

use std::fmt::Write;

/// Writes a text with its quotes. Line ends and other control characters are escaped, so that a line stays one line.
pub(super) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[written..at]);
        written = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(&text[written..]);
    out.push('"');
}

/// Writes a number; `null` for one that JSON does not have.
pub(super) fn push_float(out: &mut String, number: f64) {
    let _ = if number.is_finite() { write!(out, "{number}") } else { out.write_str("null") };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_is_read_back_as_it_was(text in any::<String>()) {
            let mut line = String::new();
            push_text(&mut line, &text);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }

        #[test]
        fn every_number_is_json(number in any::<f64>()) {
            let mut line = String::new();
            push_float(&mut line, number);
            prop_assert!(serde_json::from_str::<Option<f64>>(&line).is_ok(), "{}", line);
            prop_assert_eq!(line.parse().ok(), Some(number).filter(|number| number.is_finite()));
        }
    }
}
