//! Flags within a pattern: `(?i)` for all of it, `(?i-s:...)` for a group.

use super::letters::Letters;

/// The flags that are on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    pub(super) ascii: bool,
}

/// Scope of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of the pattern.
    Pattern,
    /// The group that they open.
    Group,
}

impl Flags {
    /// Reads flags after `(?`, with the `)` or `:` behind them, and changes these by them.
    ///
    /// # Errors
    /// A description of the mistake.
    pub(super) fn changed(self, letters: &mut Letters) -> Result<(Self, Reach), String> {
        let (mut flags, mut on, mut off, mut last) = (self, String::new(), String::new(), ' ');
        let mut turning_off = false;
        let reach = loop {
            let letter = letters.next().ok_or("missing -, : or )")?;
            match letter {
                '-' if !turning_off => turning_off = true,
                ')' if last.is_ascii_alphabetic() && !turning_off => break Reach::Pattern,
                ':' if last.is_ascii_alphabetic() => break Reach::Group,
                'i' | 'm' | 's' | 'x' => {
                    *flags.of(letter) = !turning_off;
                    if turning_off { off.push(letter) } else { on.push(letter) }
                }
                'a' | 'u' if !turning_off => {
                    flags.ascii = letter == 'a';
                    on.push(letter);
                }
                'L' => return Err("bad inline flags: cannot use 'L' flag with a str pattern".to_owned()),
                letter => return Err(format!("unknown extension ?{letter}")),
            }
            last = letter;
        };
        if on.contains('a') && on.contains('u') {
            return Err("bad inline flags: flags 'a' and 'u' are incompatible".to_owned());
        }
        if off.contains(|letter| on.contains(letter)) {
            return Err("bad inline flags: flag turned on and off".to_owned());
        }
        Ok((flags, reach))
    }

    fn of(&mut self, letter: char) -> &mut bool {
        match letter {
            'i' => &mut self.ignore_case,
            'm' => &mut self.multiline,
            's' => &mut self.dot_all,
            _ => &mut self.verbose,
        }
    }

    /// The flag of the translation; the others are translated away.
    pub(super) fn case(self) -> &'static str {
        if self.ignore_case { "i" } else { "-i" }
    }

    /// `^` or `$`.
    pub(super) fn line_end(self, letter: char) -> &'static str {
        match (letter, self.multiline) {
            ('^', false) => "\\A",
            ('^', true) => "(?m:^)",
            (_, false) => "(?=\\n?\\z)",
            (_, true) => "(?m:$)",
        }
    }
}
