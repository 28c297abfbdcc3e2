//! Patterns are read as Python reads them.

#[path = "rows.rs"]
mod rows;

use super::compile;

#[test]
fn every_pattern_has_the_outcome_that_it_has_in_python() {
    let mut wrong = Vec::new();
    for (pattern, text, expected) in rows::ROWS {
        // Names of characters are the one thing that is not translated.
        let expected = if pattern.contains("\\N{") { &None } else { expected };
        let found = compile(pattern).ok().and_then(|pattern| pattern.is_match(text).ok());
        if found != *expected {
            wrong.push(format!(
                "{pattern:?} on {text:?}: {found:?}, in Python {expected:?} ({:?})",
                compile(pattern).err()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_untranslated_escape_is_reported_with_the_remedy() {
    assert!(compile("\\N{DIGIT ONE}").unwrap_err().contains("\\uXXXX"));
    assert!(compile(&"(".repeat(200)).unwrap_err().contains("nested deeper"));
}
