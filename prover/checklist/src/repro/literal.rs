//! Values as Python writes them.

use std::fmt::Write;

use url::Url;

/// A string.
pub(super) fn text(text: &str) -> String {
    // Every escape of JSON is one of Python.
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A regular expression, without doubled backslashes where that is possible.
pub(super) fn pattern(pattern: &str) -> String {
    if pattern.contains(['"', '\n', '\r']) || pattern.ends_with('\\') {
        text(pattern)
    } else {
        format!("r\"{pattern}\"")
    }
}

/// Bytes.
pub(super) fn bytes(bytes: &[u8]) -> String {
    let mut literal = "b\"".to_owned();
    for byte in bytes {
        match byte {
            b'\r' => literal.push_str("\\r"),
            b'\n' => literal.push_str("\\n"),
            b'"' => literal.push_str("\\\""),
            b'\\' => literal.push_str("\\\\"),
            b' '..=b'~' => literal.push(char::from(*byte)),
            other => drop(write!(literal, "\\x{other:02x}")),
        }
    }
    literal + "\""
}

/// A dictionary whose values are expressions already.
pub(super) fn dictionary<'l>(pairs: impl Iterator<Item = (&'l str, String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{}: {value}", text(name))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Seconds, without digits that say nothing.
pub(super) fn seconds(duration: std::time::Duration) -> String {
    let seconds = (duration.as_secs_f64() * 10.0).ceil() / 10.0;
    format!("{seconds}")
}

/// Host and port of a URL, as Python's sockets take them.
pub(super) fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
    format!("({}, {})", text(host), url.port_or_known_default().unwrap_or(80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_line_ends_and_bytes_beyond_ascii_are_escaped() {
        assert_eq!(text("a \"b\"\n\\"), r#""a \"b\"\n\\""#);
        assert_eq!(bytes(b"GET / \"\r\n\x00\xff\\"), r#"b"GET / \"\r\n\x00\xff\\""#);
        assert_eq!(pattern(r"^\d+$"), r#"r"^\d+$""#);
        assert_eq!(pattern("\"\n"), r#""\"\n""#);
    }
}
