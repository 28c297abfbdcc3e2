//! Text of the subject, made harmless: it must drive neither a terminal nor a page.

/// Replaces each character that would not be seen, or that XML 1.0 forbids; line ends and tabs stay. Markup is escaped by what
/// writes it, maud or quick-junit.
pub(super) fn visible(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' => character,
        character if is_invisible(character) => char::REPLACEMENT_CHARACTER,
        character => character,
    };
    text.chars().map(shown).collect()
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
            let page = maud::html! { (visible(&text)) }.into_string();
            prop_assert!(!page.contains(['<', '>', '"']));
            prop_assert!(page.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert!(plain(&text).chars().all(|c| !c.is_control()));
        }
    }
}
