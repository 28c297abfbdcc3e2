//! The judge of `border.unenumerable` on identifiers without a server, beside those of `tests.rs`.

use serde_json::json;

use super::*;

/// The clause that these identifiers are against, or none.
fn against(ids: &[Value]) -> Option<String> {
    let pieces = judge("things", ids);
    pieces.iter().find(|piece| piece.is_against()).and_then(|piece| piece.clause().map(str::to_owned))
}

#[test]
fn a_number_and_a_text_that_counts_up_are_counted_and_a_repeat_is_guessed() {
    assert_eq!(against(&[json!(7), json!(90)]).as_deref(), Some(clause::COUNTED.id()));
    assert_eq!(against(&[json!("a-1"), json!("a-2")]).as_deref(), Some(clause::COUNTED.id()));
    assert_eq!(against(&[json!("zz"), json!("zz")]).as_deref(), Some(clause::GUESSED.id()));
}
