//! Python's regular expressions (`re` of Python 3.11), translated for fancy-regex.
//!
//! Python's letters are letters here too (`[`, `&&`, `--` and `~~` in a class), and patterns that Python refuses are refused. Not
//! translated: names of characters (`\N{..}`), which are refused with what to write instead.

mod class;
mod escape;
mod flags;
mod letters;
mod quantifier;
#[cfg(test)]
mod tests;
mod width;

use std::collections::BTreeMap;

use fancy_regex::Regex;

use self::flags::{Flags, Reach};
use self::letters::Letters;
use self::quantifier::Quantifier;
use self::width::Width;

/// The deepest nesting of groups.
const MAX_DEPTH: usize = 100;

/// Compiles a pattern of Python's.
///
/// # Errors
/// Why Python, or this translation, refuses it.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut translator = Translator::new(pattern);
    translator.alternatives(0)?;
    if translator.letters.peek().is_some() {
        return Err("unbalanced parenthesis".to_owned());
    }
    if let Some(group) = translator.conditions.iter().find(|group| **group > translator.groups.len()) {
        return Err(format!("invalid group reference {group}"));
    }
    Regex::new(&translator.out).map_err(|error| error.to_string())
}

/// The last thing that was translated, as a quantifier behind it sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    /// A position, such as `^`: it cannot be repeated.
    Position,
    /// From this place of the output on.
    Item(usize),
    /// The same, a look-around: it matches no characters.
    Look(usize),
    Repeated,
}

struct Translator {
    letters: Letters,
    out: String,
    flags: Flags,
    /// Groups that were opened; the width of each that is closed.
    groups: Vec<Option<Width>>,
    names: BTreeMap<String, usize>,
    /// Groups that conditions ask for; they may be opened later.
    conditions: Vec<usize>,
    /// True until anything but flags has come.
    at_start: bool,
    /// The width of the last translated part.
    width: Width,
}

impl Translator {
    fn new(pattern: &str) -> Self {
        Self {
            letters: Letters::new(pattern),
            out: String::new(),
            flags: Flags::default(),
            groups: Vec::new(),
            names: BTreeMap::new(),
            conditions: Vec::new(),
            at_start: true,
            width: Width::default(),
        }
    }

    /// Sequences with `|` between them, to the end of the group; returns how many.
    fn alternatives(&mut self, depth: usize) -> Result<usize, String> {
        if depth > MAX_DEPTH {
            return Err(format!("groups are nested deeper than {MAX_DEPTH}"));
        }
        let mut count = 1;
        self.sequence(depth)?;
        let mut width = self.width;
        while self.letters.takes("|") {
            self.at_start = false;
            self.out.push('|');
            self.sequence(depth)?;
            width = width.or(self.width);
            count += 1;
        }
        self.width = width;
        Ok(count)
    }

    fn sequence(&mut self, depth: usize) -> Result<(), String> {
        let mut last = Last::Nothing;
        // Of all before the last item, and of that.
        let (mut before, mut item) = (Width::default(), Width::default());
        while let Some(letter) = self.letters.next_if(|letter| !matches!(letter, '|' | ')')) {
            if self.flags.verbose && letter.is_ascii_whitespace() {
                continue;
            }
            if self.flags.verbose && letter == '#' {
                self.letters.run(usize::MAX, |letter| letter != '\n');
                continue;
            }
            if let Some(quantifier) = Quantifier::read(&mut self.letters, letter)? {
                last = self.repeat(last, quantifier)?;
                item = item.times(quantifier.least, quantifier.most);
                continue;
            }
            let at_start = self.at_start;
            // Flags for all of the pattern, and comments, are nothing that a quantifier could be about.
            let Some(next) = self.item(letter, depth)? else {
                self.at_start = at_start;
                continue;
            };
            last = next;
            before = before.then(std::mem::replace(&mut item, self.width));
        }
        self.width = before.then(item);
        Ok(())
    }

    /// One item that begins with this letter, which has been taken.
    fn item(&mut self, letter: char, depth: usize) -> Result<Option<Last>, String> {
        if letter == '(' && self.letters.takes("?") {
            return self.extension(depth);
        }
        (self.at_start, self.width) = (false, Width::ONE);
        let from = self.out.len();
        match letter {
            '(' => self.capture(None, depth)?,
            '[' => self.out.push_str(&class::translate(&mut self.letters, self.flags.ascii)?),
            '.' => self.out.push_str(if self.flags.dot_all { "(?s:.)" } else { "[^\\n]" }),
            '^' | '$' => {
                self.out.push_str(self.flags.line_end(letter));
                self.width = Width::default();
                return Ok(Some(Last::Position));
            }
            '\\' => return self.escape(from).map(Some),
            letter => self.out.push_str(&escape::literal(letter)),
        }
        Ok(Some(Last::Item(from)))
    }

    fn repeat(&mut self, last: Last, quantifier: Quantifier) -> Result<Last, String> {
        let lazy = self.letters.takes("?");
        let possessive = !lazy && self.letters.takes("+");
        let from = match last {
            Last::Nothing | Last::Position => return Err("nothing to repeat".to_owned()),
            Last::Repeated => return Err("multiple repeat".to_owned()),
            Last::Look(from) => {
                // Once is as good as often, and no time is nothing at all.
                if quantifier.least == 0 {
                    self.out.insert_str(from, "(?:");
                    self.out.push_str("|)");
                }
                return Ok(Last::Repeated);
            }
            Last::Item(from) => from,
        };
        self.out.insert_str(from, if possessive { "(?>(?:" } else { "(?:" });
        self.out.push_str(&format!("){}", quantifier.written()));
        self.out.push_str(match (lazy, possessive) {
            (true, _) => "?",
            (_, true) => ")",
            _ => "",
        });
        Ok(Last::Repeated)
    }

    /// An escape outside of a class.
    fn escape(&mut self, from: usize) -> Result<Last, String> {
        let ascii = self.flags.ascii;
        let letter = self.letters.next().ok_or("bad escape (end of pattern)")?;
        match letter {
            'A' | 'Z' | 'b' | 'B' => {
                self.out.push_str(&escape::position(letter, ascii));
                self.width = Width::default();
                return Ok(Last::Position);
            }
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.out.push_str(&format!("[{}]", escape::kind(letter, ascii))),
            '1'..='9' => self.reference_or_octal(letter)?,
            other => {
                let letter = escape::character(&mut self.letters, other)?;
                self.out.push_str(&escape::literal(letter));
            }
        }
        Ok(Last::Item(from))
    }

    /// `\1` to `\99`, or three octal digits.
    fn reference_or_octal(&mut self, first: char) -> Result<(), String> {
        let mut digits = first.to_string();
        if let Some(second) = self.letters.next_if(|letter| letter.is_ascii_digit()) {
            digits.push(second);
            let octal = digits.chars().all(escape::is_octal);
            if let Some(third) = self.letters.next_if(|letter| octal && escape::is_octal(letter)) {
                digits.push(third);
                let letter = escape::of_octal(&digits)?;
                self.out.push_str(&escape::literal(letter));
                return Ok(());
            }
        }
        let group = digits.parse().map_err(|_| "invalid group reference".to_owned())?;
        self.reference(group)
    }

    fn reference(&mut self, group: usize) -> Result<(), String> {
        let width = self.groups.get(group - 1).ok_or_else(|| format!("invalid group reference {group}"))?;
        self.width = width.ok_or("cannot refer to an open group")?;
        self.out.push_str(&format!("(?:\\{group})"));
        Ok(())
    }

    fn capture(&mut self, name: Option<String>, depth: usize) -> Result<(), String> {
        self.groups.push(None);
        let group = self.groups.len();
        if let Some(name) = name
            && let Some(before) = self.names.insert(name.clone(), group)
        {
            return Err(format!("redefinition of group name '{name}' as group {group}; was group {before}"));
        }
        self.out.push('(');
        self.inside(depth)?;
        self.groups[group - 1] = Some(self.width);
        Ok(())
    }

    /// The rest of a group, whose beginning has been translated. Flags that are set in it end with it.
    fn inside(&mut self, depth: usize) -> Result<usize, String> {
        let flags = self.flags;
        self.at_start = false;
        let count = self.alternatives(depth + 1)?;
        if !self.letters.takes(")") {
            return Err("missing ), unterminated subpattern".to_owned());
        }
        self.flags = flags;
        self.out.push(')');
        Ok(count)
    }

    /// Translates an extension, which begins with `(?`. Returns `None` if no quantifier can apply to it.
    fn extension(&mut self, depth: usize) -> Result<Option<Last>, String> {
        let from = self.out.len();
        if let Some(begins) = [":", ">"].into_iter().find(|begins| self.letters.takes(begins)) {
            self.out.push_str(&format!("(?{begins}"));
            self.inside(depth)?;
        } else if let Some(begins) = ["=", "!", "<=", "<!"].into_iter().find(|begins| self.letters.takes(begins)) {
            self.out.push_str(&format!("(?{begins}"));
            self.inside(depth)?;
            if begins.starts_with('<') && !self.width.is_fixed() {
                return Err("look-behind requires fixed-width pattern".to_owned());
            }
            self.width = Width::default();
            return Ok(Some(Last::Look(from)));
        } else if self.letters.takes("#") {
            return self.letters.upto(')', "missing ), unterminated comment").map(|_| None);
        } else if self.letters.takes("P<") {
            let name = self.letters.upto('>', "missing >, unterminated name")?;
            identifier(&name)?;
            self.capture(Some(name), depth)?;
        } else if self.letters.takes("P=") {
            let name = self.letters.upto(')', "missing ), unterminated name")?;
            let group = self.named(&name)?;
            self.reference(group)?;
            self.at_start = false;
        } else if self.letters.takes("(") {
            self.condition(depth)?;
        } else {
            return self.flagged(depth).map(|scoped| scoped.then_some(Last::Item(from)));
        }
        Ok(Some(Last::Item(from)))
    }

    fn named(&self, name: &str) -> Result<usize, String> {
        identifier(name)?;
        self.names.get(name).copied().ok_or_else(|| format!("unknown group name '{name}'"))
    }

    /// `(?(1)yes|no)`.
    fn condition(&mut self, depth: usize) -> Result<(), String> {
        let name = self.letters.upto(')', "missing ), unterminated name")?;
        let group = match name.parse::<usize>() {
            Ok(0) => return Err("bad group number".to_owned()),
            Ok(group) => group,
            Err(_) => self.named(&name)?,
        };
        self.conditions.push(group);
        self.out.push_str(&format!("(?({group})"));
        match self.inside(depth)? {
            1 => self.width.least = 0,
            2 => {}
            _ => return Err("conditional backref with more than two branches".to_owned()),
        }
        Ok(())
    }

    /// Flags for all of the pattern, at its start, or for the group that they open; whether they open one.
    fn flagged(&mut self, depth: usize) -> Result<bool, String> {
        let before = self.flags;
        let (flags, reach) = before.changed(&mut self.letters)?;
        self.flags = flags;
        if reach == Reach::Pattern {
            if !self.at_start {
                return Err("global flags not at the start of the expression".to_owned());
            }
            self.out.push_str(&format!("(?{})", flags.case()));
            return Ok(false);
        }
        self.out.push_str(&format!("(?{}:", flags.case()));
        self.inside(depth)?;
        self.flags = before;
        Ok(true)
    }
}

fn identifier(name: &str) -> Result<(), String> {
    let begins = name.chars().next().is_some_and(|first| first == '_' || first.is_alphabetic());
    match begins && name.chars().all(|letter| letter == '_' || letter.is_alphanumeric()) {
        true => Ok(()),
        false if name.is_empty() => Err("missing group name".to_owned()),
        false => Err(format!("bad character in group name '{name}'")),
    }
}
