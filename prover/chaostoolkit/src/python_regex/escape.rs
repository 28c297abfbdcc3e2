//! Escapes: characters, and kinds of letters such as `\w`.

use super::letters::Letters;

/// A letter that means itself.
pub(super) fn literal(letter: char) -> String {
    match letter.is_ascii_alphanumeric() || !letter.is_ascii() {
        true => letter.to_string(),
        false => format!("\\x{{{:x}}}", u32::from(letter)),
    }
}

/// The content of a class for `\d`, `\s`, `\w` and their opposites, as Python's `str` has them, or its ASCII flag.
pub(super) fn kind(letter: char, ascii: bool) -> String {
    let plain = match (letter.to_ascii_lowercase(), ascii) {
        ('d', false) => "\\p{Nd}",
        ('d', true) => "0-9",
        ('s', false) => "\\s\\x1c-\\x1f",
        ('s', true) => "\\x09-\\x0d\\x20",
        (_, false) => "\\p{L}\\p{N}_",
        (_, true) => "0-9A-Za-z_",
    };
    if letter.is_ascii_uppercase() { format!("[^{plain}]") } else { plain.to_owned() }
}

/// `\A`, `\Z`, `\b` or `\B`.
pub(super) fn position(letter: char, ascii: bool) -> String {
    let word = format!("[{}]", kind('w', ascii));
    match letter {
        'A' => "\\A".to_owned(),
        'Z' => "\\z".to_owned(),
        'b' => format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"),
        _ => format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"),
    }
}

/// An escape that stands for one character, its first letter taken; the same in and outside of a class.
///
/// # Errors
/// When it is none.
pub(super) fn character(letters: &mut Letters, letter: char) -> Result<char, String> {
    Ok(match letter {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => hexadecimal(letters, 'x', 2)?,
        'u' => hexadecimal(letters, 'u', 4)?,
        'U' => hexadecimal(letters, 'U', 8)?,
        '0' => of_octal(&format!("0{}", letters.run(2, is_octal)))?,
        'N' => return Err("\\N{..} is not read by keel: write the character itself, or \\uXXXX".to_owned()),
        letter if letter.is_ascii_alphanumeric() => return Err(format!("bad escape \\{letter}")),
        letter => letter,
    })
}

pub(super) fn is_octal(letter: char) -> bool {
    ('0'..='7').contains(&letter)
}

/// The character of octal digits.
///
/// # Errors
/// When it is beyond a byte.
pub(super) fn of_octal(digits: &str) -> Result<char, String> {
    let number = u32::from_str_radix(digits, 8).ok().filter(|number| *number <= 0o377);
    number.and_then(char::from_u32).ok_or_else(|| format!("octal escape value \\{digits} outside of range 0-0o377"))
}

fn hexadecimal(letters: &mut Letters, kind: char, length: usize) -> Result<char, String> {
    let digits = letters.run(length, |letter| letter.is_ascii_hexdigit());
    if digits.len() < length {
        return Err(format!("incomplete escape \\{kind}{digits}"));
    }
    let number = u32::from_str_radix(&digits, 16).ok();
    number.and_then(char::from_u32).ok_or_else(|| format!("bad escape \\{kind}{digits}"))
}
