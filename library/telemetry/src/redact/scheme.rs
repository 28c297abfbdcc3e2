//! Credentials behind an authentication scheme: `Bearer …`, `Basic …`.

use super::names::REDACTED;

/// "Bearer of good news" holds no credential: a credential has at least this many bytes.
const SHORTEST: usize = 8;
const SCHEMES: [&str; 2] = ["bearer ", "basic "];

/// Removes the word after each scheme. `None` when there is none.
pub(super) fn without_credentials(text: &str) -> Option<String> {
    let mut clean = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(start) = next_credential(text, from) {
        let end = text[start..]
            .find(|c: char| c.is_whitespace() || "\"',;\\".contains(c))
            .map_or(text.len(), |at| start + at);
        if end - start >= SHORTEST && &text[start..end] != REDACTED {
            clean.push_str(&text[copied..start]);
            clean.push_str(REDACTED);
            copied = end;
        }
        from = end;
    }
    (copied > 0).then(|| {
        clean.push_str(&text[copied..]);
        clean
    })
}

/// Finds the start of the word after the next scheme.
fn next_credential(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find_map(|at| {
        if !matches!(bytes[at], b'b' | b'B') {
            return None;
        }
        SCHEMES
            .iter()
            .find(|scheme| {
                bytes[at..].get(..scheme.len()).is_some_and(|found| found.eq_ignore_ascii_case(scheme.as_bytes()))
            })
            .map(|scheme| at + scheme.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_after_a_scheme_is_removed_unless_it_is_short() {
        assert_eq!(without_credentials("x: bearer abcdefgh.ijk, more").as_deref(), Some("x: bearer [redacted], more"));
        assert_eq!(without_credentials("Bearer of good news"), None);
        assert_eq!(without_credentials("bas"), None);
    }
}
