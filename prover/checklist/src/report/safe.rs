//! What a subject sends must drive neither a terminal nor a page.

/// The five markup characters of HTML and XML, and no character that XML 1.0 forbids.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            character if is_invisible(character) => safe.push(char::REPLACEMENT_CHARACTER),
            character => safe.push(character),
        }
    }
    safe
}

/// One line without anything that a terminal obeys.
pub fn plain(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\r' | '\t' => ' ',
        character if is_invisible(character) => char::REPLACEMENT_CHARACTER,
        character => character,
    };
    text.chars().map(shown).collect()
}

/// Control characters, those that turn the direction of what follows, and what is no character at all.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_sent_can_end_an_element_or_drive_a_terminal(text in any::<String>()) {
            let page = escaped(&text);
            prop_assert!(!page.contains(['<', '>', '"', '\'']));
            prop_assert!(page.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert!(plain(&text).chars().all(|c| !c.is_control()));
        }
    }
}
