//! Keeps secrets out of what is shown.
//!
//! Two rules: a field whose name says that it is a secret is not shown; a text that carries credentials in a known
//! shape (`scheme://user:password@`, `Bearer ...`, `password=...`) is shown without them.

use std::borrow::Cow;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "apikey",
    "private_key",
    "credential",
];

/// Whether a field of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let contains = |word: &&str| {
        name.len() >= word.len()
            && name.as_bytes().windows(word.len()).any(|window| matches_word(window, word.as_bytes()))
    };
    SECRET_WORDS.iter().any(contains)
}

/// Case is folded, and `-` is as good as `_`.
fn matches_word(window: &[u8], word: &[u8]) -> bool {
    window.iter().zip(word).all(|(a, b)| a.to_ascii_lowercase() == *b || (*a == b'-' && *b == b'_'))
}

/// The text without credentials.
pub fn text(text: &str) -> Cow<'_, str> {
    let suspicious =
        text.contains('@') || text.contains('=') || contains_folded(text, "bearer ") || contains_folded(text, "basic ");
    if !suspicious {
        return Cow::Borrowed(text);
    }
    let mut clean = without_url_credentials(text);
    clean = without_named_values(&clean);
    for scheme in ["bearer ", "basic "] {
        clean = without_word_after(&clean, scheme);
    }
    Cow::Owned(clean)
}

fn contains_folded(text: &str, word: &str) -> bool {
    find_folded(text, word, 0).is_some()
}

fn find_folded(text: &str, word: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..=bytes.len().checked_sub(word.len())?)
        .find(|&at| bytes[at..at + word.len()].eq_ignore_ascii_case(word.as_bytes()))
}

/// `scheme://user:password@host` and `scheme://token@host` lose everything between `//` and `@`.
fn without_url_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|c: char| c == '/' || c == '?' || c == '#' || c == '"' || c.is_whitespace())
            .unwrap_or(after.len());
        if let Some(sign) = after[..end].rfind('@') {
            clean.push_str(REDACTED);
            rest = &after[sign..];
        } else {
            rest = after;
        }
    }
    clean.push_str(rest);
    clean
}

/// `password=...`, `token=...` in queries, forms and connection strings lose their value.
fn without_named_values(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let name_start = rest[..at]
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .map_or(0, |i| i + rest[i..].chars().next().map_or(1, char::len_utf8));
        let secret = is_secret_name(&rest[name_start..at]);
        clean.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if secret {
            let end = rest
                .find(|c: char| c == '&' || c == ';' || c == '"' || c == ',' || c.is_whitespace())
                .unwrap_or(rest.len());
            clean.push_str(REDACTED);
            rest = &rest[end..];
        }
    }
    clean.push_str(rest);
    clean
}

fn without_word_after(text: &str, scheme: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = find_folded(text, scheme, from) {
        let start = at + scheme.len();
        let end =
            text[start..].find(|c: char| c.is_whitespace() || c == '"' || c == ',').map_or(text.len(), |i| start + i);
        clean.push_str(&text[from..start]);
        // "Bearer of good news" is no credential: one has at least eight characters and no ordinary ending.
        if end - start >= 8 {
            clean.push_str(REDACTED);
        } else {
            clean.push_str(&text[start..end]);
        }
        from = end;
    }
    clean.push_str(&text[from..]);
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_any_spelling() {
        for name in ["password", "DB_PASSWORD", "X-Api-Key", "set-cookie", "Authorization", "clientSecret"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["account", "status", "path"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn credentials_in_known_shapes_are_not_shown() {
        let cases = [
            ("cannot reach postgres://me:hunter22@db:5432/x", "cannot reach postgres://[redacted]@db:5432/x"),
            ("GET /a?password=hunter22&x=1", "GET /a?password=[redacted]&x=1"),
            ("authorization: Bearer abcdefgh.ijk", "authorization: Bearer [redacted]"),
            ("p@ss in postgres://u:p@ss@h/d", "p@ss in postgres://[redacted]@h/d"),
            ("nothing here", "nothing here"),
            ("a=1 b=2", "a=1 b=2"),
        ];
        for (given, shown) in cases {
            assert_eq!(text(given), shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_a_password_never_survives(noise in "\\PC{0,30}", secret in "[a-z0-9]{12}") {
            let _ = text(&noise);
            let carried = [format!("{noise} password={secret}"), format!("{noise} x://u:{secret}@h/{noise}")];
            for carried in carried {
                prop_assert!(!text(&carried).contains(&secret));
            }
        }
    }
}
