//! Quantifiers: `*`, `+`, `?` and counts in braces.

use super::letters::Letters;

/// Number of repetitions of the item before it; `u64::MAX` has no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quantifier {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Quantifier {
    /// Reads one that begins with this letter, which has been taken; none when it begins otherwise.
    ///
    /// # Errors
    /// When its counts are wrong.
    pub(super) fn read(letters: &mut Letters, letter: char) -> Result<Option<Self>, String> {
        let (least, most) = match letter {
            '*' => (0, u64::MAX),
            '+' => (1, u64::MAX),
            '?' => (0, 1),
            '{' => return Self::counted(letters),
            _ => return Ok(None),
        };
        Ok(Some(Self { least, most }))
    }

    /// `2}`, `2,}`, `,3}` or `2,3}`; anything else is a brace that means itself.
    fn counted(letters: &mut Letters) -> Result<Option<Self>, String> {
        let from = letters.place();
        let digit = |letter: char| letter.is_ascii_digit();
        let low = letters.run(usize::MAX, digit);
        let several = letters.takes(",");
        let high = if several { letters.run(usize::MAX, digit) } else { low.clone() };
        if !letters.takes("}") || (low.is_empty() && !several) {
            letters.back_to(from);
            return Ok(None);
        }
        let number = |text: &str, unsaid: u64| if text.is_empty() { Ok(unsaid) } else { text.parse::<u64>() };
        let (Ok(least), Ok(most)) = (number(&low, 0), number(&high, u64::MAX)) else {
            return Err("the repetition number is too large".to_owned());
        };
        if least > most {
            return Err("min repeat greater than max repeat".to_owned());
        }
        Ok(Some(Self { least, most }))
    }

    /// In the translation.
    pub(super) fn written(self) -> String {
        let most = if self.most == u64::MAX { String::new() } else { self.most.to_string() };
        format!("{{{},{most}}}", self.least)
    }
}
