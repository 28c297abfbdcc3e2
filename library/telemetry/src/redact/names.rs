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

/// True for each byte that begins one of [`SECRET_WORDS`]: each field of each log line is looked at, and few bytes of its name are one.
const BEGINS: [bool; 256] = {
    let (mut begins, mut word) = ([false; 256], 0);
    while word < SECRET_WORDS.len() {
        begins[SECRET_WORDS[word].as_bytes()[0] as usize] = true;
        word += 1;
    }
    begins
};

/// Returns true when a field of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.as_bytes();
    let is_word = |(at, first): (usize, &u8)| {
        BEGINS[usize::from(first.to_ascii_lowercase())]
            && SECRET_WORDS
                .iter()
                .any(|word| name[at..].get(..word.len()).is_some_and(|window| matches_word(window, word.as_bytes())))
    };
    name.iter().enumerate().any(is_word) || SECRET_NAMES.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
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
        fn a_name_holds_a_secret_wherever_the_word_is_in_it(
            before in "[a-zA-Z_-]{0,9}",
            word in 0..SECRET_WORDS.len(),
            after in "\\PC{0,9}",
        ) {
            let word = SECRET_WORDS[word];
            for word in [word.to_owned(), word.to_uppercase(), word.replace('_', "-")] {
                let name = format!("{before}{word}{after}");
                prop_assert!(is_secret_name(&name), "{}", name);
            }
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
