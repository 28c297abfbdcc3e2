//! Classes in brackets: Python has no operations on sets, so `[`, `&&`, `--` and `~~` in one are letters.

use super::escape::{character, is_octal, kind, literal, of_octal};
use super::letters::Letters;

/// One item of a class.
enum Item {
    Letter(char),
    /// `\w` and the like, translated.
    Kind(String),
}

/// Translates a class whose `[` has been taken.
///
/// # Errors
/// A description of the mistake.
pub(super) fn translate(letters: &mut Letters, ascii: bool) -> Result<String, String> {
    let unterminated = || "unterminated character set".to_owned();
    let mut class = "[".to_owned();
    if letters.takes("^") {
        class.push('^');
    }
    let mut first = true;
    loop {
        let letter = letters.next().ok_or_else(unterminated)?;
        if letter == ']' && !first {
            break;
        }
        first = false;
        let from = item(letters, letter, ascii)?;
        if !letters.takes("-") {
            push(&mut class, &from);
            continue;
        }
        let letter = letters.next().ok_or_else(unterminated)?;
        if letter == ']' {
            push(&mut class, &from);
            class.push_str(&literal('-'));
            break;
        }
        let (Item::Letter(low), Item::Letter(high)) = (&from, &item(letters, letter, ascii)?) else {
            return Err("bad character range: a kind of letters has no place in a range".to_owned());
        };
        if low > high {
            return Err(format!("bad character range {low}-{high}"));
        }
        class.push_str(&format!("{}-{}", literal(*low), literal(*high)));
    }
    class.push(']');
    Ok(class)
}

fn push(class: &mut String, item: &Item) {
    match item {
        Item::Letter(letter) => class.push_str(&literal(*letter)),
        Item::Kind(kind) => class.push_str(kind),
    }
}

fn item(letters: &mut Letters, letter: char, ascii: bool) -> Result<Item, String> {
    if letter != '\\' {
        return Ok(Item::Letter(letter));
    }
    let letter = letters.next().ok_or("bad escape (end of pattern)")?;
    Ok(match letter {
        'b' => Item::Letter('\x08'),
        'd' | 'D' | 's' | 'S' | 'w' | 'W' => Item::Kind(kind(letter, ascii)),
        '1'..='7' => Item::Letter(of_octal(&format!("{letter}{}", letters.run(2, is_octal)))?),
        other => Item::Letter(character(letters, other)?),
    })
}
