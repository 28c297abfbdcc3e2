//! `trim`, `ltrim` and `rtrim` with a set of characters, in linear time.
//!
//! SQLite's own compare each character of the text with each of the set, within one step that nothing ends: minutes for two long texts.

use std::collections::HashSet;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

/// Puts them in the place of SQLite's.
pub(super) fn trim_functions(connection: &Connection, flags: FunctionFlags) -> Result<()> {
    for (name, start, end) in [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)] {
        connection.create_scalar_function(name, 2, flags, move |context| trimmed(context, start, end))?;
    }
    Ok(())
}

fn trimmed(context: &Context<'_>, start: bool, end: bool) -> Result<Option<String>> {
    let (Some(text), Some(set)) = (text(context, 0), text(context, 1)) else { return Ok(None) };
    let set: HashSet<char> = set.chars().collect();
    let mut rest = text.as_str();
    if start {
        rest = rest.trim_start_matches(|letter| set.contains(&letter));
    }
    if end {
        rest = rest.trim_end_matches(|letter| set.contains(&letter));
    }
    Ok(Some(rest.to_owned()))
}

/// A value as text; none for NULL.
fn text(context: &Context<'_>, place: usize) -> Option<String> {
    match context.get_raw(place) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
    }
}
