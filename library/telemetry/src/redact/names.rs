//! Names of fields whose values are secrets.

/// The text in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// A name that contains one of these, in any case and with `-` for `_`, belongs to a secret.
const SECRET_WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pgpass",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credential",
    "jwt",
];

/// A name that is exactly one of these belongs to a secret.
const SECRET_NAMES: [&str; 2] = ["pass", "pwd"];

/// For each byte the words that have it, in any spelling, at this position: a bit a word. Each field of each line is looked at, so that few words are
/// compared as a whole.
const fn words_with(position: usize) -> [u16; 256] {
    let mut words = [0; 256];
    let mut word = 0;
    while word < SECRET_WORDS.len() {
        let byte = SECRET_WORDS[word].as_bytes()[position];
        words[byte as usize] |= 1 << word;
        words[byte.to_ascii_uppercase() as usize] |= 1 << word;
        if byte == b'_' {
            words[b'-' as usize] |= 1 << word;
        }
        word += 1;
    }
    words
}

static WITH_FIRST: [u16; 256] = words_with(0);
static WITH_SECOND: [u16; 256] = words_with(1);

/// Returns true when a field of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.as_bytes();
    let begins = |at: usize| {
        let mut words = WITH_FIRST[usize::from(name[at])] & WITH_SECOND[usize::from(name[at + 1])];
        while words != 0 {
            let word = SECRET_WORDS[words.trailing_zeros() as usize].as_bytes();
            if name[at..].get(..word.len()).is_some_and(|window| matches_word(window, word)) {
                return true;
            }
            words &= words - 1;
        }
        false
    };
    (0..name.len().saturating_sub(1)).any(begins)
        || SECRET_NAMES.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
}

fn matches_word(window: &[u8], word: &[u8]) -> bool {
    window.iter().zip(word).all(|(a, b)| a.to_ascii_lowercase() == *b || (*a == b'-' && *b == b'_'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_secret_when_it_contains_a_word_in_any_spelling(
            parts in prop::collection::vec(prop::sample::select(&["a", "P", "pass", "-", "_", "KEY", "api", "é", "tok"][..]), 0..4),
            word in prop::sample::select(&SECRET_WORDS[..]),
            spelling in 0..4u8,
            has_word in any::<bool>(),
        ) {
            let word = match spelling {
                0 => word.to_owned(),
                1 => word.to_uppercase(),
                2 => word.replace('_', "-"),
                _ => word[..1].to_uppercase() + &word[1..],
            };
            let (before, after) = parts.split_at(parts.len() / 2);
            let name = [before.concat(), if has_word { word } else { String::new() }, after.concat()].concat();
            let plain = name.to_lowercase().replace('-', "_");
            let expected = SECRET_WORDS.iter().any(|word| plain.contains(word)) || SECRET_NAMES.contains(&&*plain);
            prop_assert_eq!(is_secret_name(&name), expected, "{}", name);
        }
    }

    #[test]
    fn names_of_secrets_are_recognised_in_any_spelling() {
        let secrets = [
            "password",
            "DB_PASSWORD",
            "X-Api-Key",
            "set-cookie",
            "Authorization",
            "clientSecret",
            "PGPASSWORD",
            "pwd",
        ];
        for name in secrets {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["account", "status", "path", "passed", "author"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
