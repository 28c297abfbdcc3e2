//! Values of fields with a secret name, as queries, JSON, `Debug` output, command lines and headers write them.

use super::names::{REDACTED, is_secret_name};

/// Removes the value of every field with a secret name. `None` when there is none.
pub(super) fn without_secret_values(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut clean = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let separator = bytes[at];
        at += 1;
        let value = match separator {
            b'=' | b':' => name_before(&text[copied..at - 1]).filter(|name| is_secret_name(name)).map(|name| {
                let rest = at + blanks(&bytes[at..]);
                Value { start: rest, end: rest + value_length(&text[rest..], holds_whole_line(name, separator)) }
            }),
            b'-' if flag_starts(bytes, at - 1) => {
                let name = at + 1;
                let name_end = name + bytes[name..].iter().take_while(|byte| is_name(**byte)).count();
                let rest = name_end + blanks(&bytes[name_end..]);
                let secret = rest > name_end && is_secret_name(&text[name..name_end]);
                secret.then(|| Value { start: rest, end: rest + value_length(&text[rest..], false) })
            }
            _ => None,
        };
        if let Some(Value { start, end }) = value.filter(|value| value.end > value.start) {
            if &text[start..end] != REDACTED {
                clean.push_str(&text[copied..start]);
                clean.push_str(REDACTED);
                copied = end;
            }
            at = end;
        }
    }
    (copied > 0).then(|| {
        clean.push_str(&text[copied..]);
        clean
    })
}

/// A span of the text, in bytes.
struct Value {
    start: usize,
    end: usize,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Returns true when `--name` starts here.
fn flag_starts(bytes: &[u8], at: usize) -> bool {
    bytes[at..].starts_with(b"--") && bytes[..at].last().is_none_or(|before| !is_name(*before))
}

/// The name that ends with `before`, without the blanks and the quote (escaped or not) behind it.
fn name_before(before: &str) -> Option<&str> {
    let before = before.trim_end();
    let before = before.strip_suffix(['"', '\'']).unwrap_or(before).trim_end_matches('\\');
    let length = before.bytes().rev().take_while(|byte| is_name(*byte)).count();
    (length > 0).then(|| &before[before.len() - length..])
}

/// Returns true when everything to the end of the line is one value: the headers `Authorization: …` and `Cookie: …`.
fn holds_whole_line(name: &str, separator: u8) -> bool {
    let ends_with = |word: &str| {
        name.len() >= word.len() && name.as_bytes()[name.len() - word.len()..].eq_ignore_ascii_case(word.as_bytes())
    };
    separator == b':' && (ends_with("authorization") || ends_with("cookie"))
}

/// The length of the value at the start of `text`, in bytes.
fn value_length(text: &str, whole_line: bool) -> usize {
    let bytes = text.as_bytes();
    let escapes = bytes.iter().take_while(|byte| **byte == b'\\').count();
    match bytes.get(escapes) {
        Some(quote @ (b'"' | b'\'')) => quoted_length(bytes, *quote, escapes),
        _ if whole_line => bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len()),
        _ => {
            let word = bytes.iter().position(|byte| ends_word(*byte)).unwrap_or(bytes.len());
            let blank = usize::from(bytes.get(word) == Some(&b' '));
            match bytes.get(word + blank) {
                Some(b'{') if word > 0 => word + blank + group_length(&bytes[word + blank..]),
                Some(b'(') if blank == 0 && word > 0 => word + group_length(&bytes[word..]),
                Some(b'{' | b'[' | b'(') if word == 0 && blank == 0 => group_length(bytes),
                _ => word,
            }
        }
    }
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b'&' | b';' | b',' | b'"' | b'\'' | b'{' | b'}' | b'[' | b']' | b'(' | b')')
}

/// The length of a quoted value, its quotes included; `escapes` is how many backslashes stand before its quotes. A value without its
/// closing quote reaches to the end.
fn quoted_length(bytes: &[u8], quote: u8, escapes: usize) -> usize {
    let mut at = escapes + 1;
    let mut backslashes = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match *byte {
            b'\\' => backslashes += 1,
            // A quote inside the value has more backslashes than the quotes around it.
            byte if byte == quote && backslashes <= escapes => return at,
            _ => backslashes = 0,
        }
    }
    bytes.len()
}

/// The length of a bracketed value: up to the bracket that closes the first one, or to the end.
fn group_length(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += quoted_length(&bytes[at..], b'"', 0);
                continue;
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_removed_up_to_their_end() {
        let cases = [
            (r#"{"password":"a\"b","user":"me"}"#, r#"{"password":[redacted],"user":"me"}"#),
            (r#"{"token":["a","b"],"n":1}"#, r#"{"token":[redacted],"n":1}"#),
            (r#"{\"password\":\"a\",\"user\":\"me\"}"#, r#"{\"password\":[redacted],\"user\":\"me\"}"#),
            (r#"C { password: Some("a"), user: "me" }"#, r#"C { password: [redacted], user: "me" }"#),
            (r#"C { secret: Inner { a: "}" }, user: 1 }"#, "C { secret: [redacted], user: 1 }"),
            ("run --password hunter2 --port 80", "run --password [redacted] --port 80"),
            ("Cookie: a=1; b=2\nHost: x", "Cookie: [redacted]\nHost: x"),
            ("host=db password='a b' user=me", "host=db password=[redacted] user=me"),
        ];
        for (given, shown) in cases {
            assert_eq!(without_secret_values(given).as_deref(), Some(shown), "{given}");
        }
    }

    #[test]
    fn other_values_are_unchanged() {
        for text in [r#"{"user":"me"}"#, "a=1", "--port 80", "password", "password=", ":", "12:30:05"] {
            assert_eq!(without_secret_values(text), None, "{text}");
        }
    }
}
