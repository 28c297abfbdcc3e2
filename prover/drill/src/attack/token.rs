//! The token that a target serves to consent to the attacks of one run.

use std::fmt;

use rand::TryRng;
use rand::rngs::SysRng;

/// A token that a target serves to consent to the attacks of this run: 192 bits of the operating system's randomness.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A fresh one.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn fresh() -> Self {
        let mut bytes = [0; 24];
        SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives randomness");
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// As it is to be served.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tokens_are_the_same() {
        assert_ne!(Token::fresh(), Token::fresh());
        assert_eq!(Token::fresh().text().len(), 48);
    }
}
