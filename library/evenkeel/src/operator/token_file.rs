//! The file with the tokens of operators.
//!
//! A line is `NAME:TOKEN`, or `NAME:sha256:DIGEST` with the SHA-256 of the token in 64 hexadecimal digits. Blank lines and those that begin with `#` count for
//! nothing. A name may have several lines, so that a token can be replaced without a gap.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The largest file, in bytes.
const MAX_BYTES: u64 = 64 * 1024;
/// The most characters of a name.
const MAX_NAME: usize = 64;
/// The fewest characters of a token.
const MIN_TOKEN: usize = 16;

type Fingerprint = [u8; 32];

/// The file with the tokens of operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenFile(Arc<Path>);

/// The tokens in it.
pub(crate) struct Tokens(Vec<(Arc<str>, Fingerprint)>);

/// Error of a token file that cannot be used. It never shows a token.
#[derive(Debug)]
pub(crate) struct BadTokenFile(String);

impl fmt::Display for BadTokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path.into())
    }

    /// Reads the file. Blocks.
    ///
    /// # Errors
    /// When it cannot be read, is too large, has no operator, or a line is malformed.
    pub(crate) fn read(&self) -> Result<Tokens, BadTokenFile> {
        let wrong = |what: String| BadTokenFile(format!("{}: {what}", self.0.display()));
        let length = std::fs::metadata(&self.0).map_err(|error| wrong(error.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(wrong(format!("it has {length} bytes, more than {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(&self.0).map_err(|error| wrong(error.to_string()))?;
        Tokens::parse(&text).map_err(wrong)
    }
}

impl Tokens {
    fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, token) = line.split_once(':').ok_or(format!("line {number} is not NAME:TOKEN"))?;
            let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
            if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_of_name) {
                return Err(format!("the name in line {number} must be 1 to {MAX_NAME} of a-z, A-Z, 0-9 and ._-@"));
            }
            let fingerprint = match token.strip_prefix("sha256:") {
                Some(digits) => of_digits(digits)
                    .ok_or(format!("the digest in line {number} must be 64 hexadecimal digits, as sha256sum prints"))?,
                None if token.len() < MIN_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    let detail =
                        format!("the token in line {number} must be {MIN_TOKEN} characters or more, without spaces");
                    return Err(format!("{detail}; make one with `openssl rand -hex 16`"));
                }
                None => fingerprint(token),
            };
            tokens.push((Arc::from(name), fingerprint));
        }
        if tokens.is_empty() {
            return Err("it has no operator: add a line NAME:TOKEN".to_owned());
        }
        Ok(Self(tokens))
    }

    /// Returns the operator of a token, who must have this name where one is given. It takes the same time whichever line fits.
    pub(crate) fn operator(&self, name: Option<&str>, token: &str) -> Option<Arc<str>> {
        let given = fingerprint(token);
        let mut found = None;
        for (operator, known) in &self.0 {
            let is_equal = known.iter().zip(given).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
            if is_equal && name.is_none_or(|name| name == &**operator) {
                found = Some(operator.clone());
            }
        }
        found
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

fn of_digits(digits: &str) -> Option<Fingerprint> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "0123456789abcdef";

    #[test]
    fn a_token_has_the_operator_of_its_line_plain_or_as_a_digest() {
        let digest: String = fingerprint("correct-horse-battery").iter().map(|byte| format!("{byte:02x}")).collect();
        let tokens =
            Tokens::parse(&format!("# staff\n\nada:{ADA}\nada:another-token-of-ada\nbob:sha256:{digest}\n")).unwrap();
        let operator = |name, token| tokens.operator(name, token).map(|name| name.to_string());
        assert_eq!(operator(None, ADA).as_deref(), Some("ada"));
        assert_eq!(operator(Some("ada"), "another-token-of-ada").as_deref(), Some("ada"));
        assert_eq!(operator(None, "correct-horse-battery").as_deref(), Some("bob"));
        for (name, token) in
            [(Some("bob"), ADA), (None, ""), (None, "0123456789abcdeF"), (None, &digest), (Some("ada"), "sha256:")]
        {
            assert_eq!(operator(name, token), None, "{name:?} {token}");
        }
    }

    #[test]
    fn a_file_with_a_mistake_says_the_line_and_never_the_token() {
        for (text, words) in [
            ("", "no operator"),
            ("ada", "line 1"),
            ("# a\nada:SECRET", "line 2"),
            ("a b:0123456789abcSECRET", "name"),
            ("ada:0123456789 abcSECRET", "spaces"),
            ("ada:sha256:SECRET", "64"),
        ] {
            let error = Tokens::parse(text).err().unwrap();
            assert!(error.contains(words) && !error.contains("SECRET"), "{text:?}: {error}");
        }
    }
}
