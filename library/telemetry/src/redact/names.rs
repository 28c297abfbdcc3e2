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

/// Returns true when a field of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.as_bytes();
    let contains = |word: &&str| name.windows(word.len()).any(|window| matches_word(window, word.as_bytes()));
    SECRET_WORDS.iter().any(contains) || SECRET_NAMES.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
}

fn matches_word(window: &[u8], word: &[u8]) -> bool {
    window.iter().zip(word).all(|(a, b)| a.to_ascii_lowercase() == *b || (*a == b'-' && *b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
