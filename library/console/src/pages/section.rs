//! A section of a page, and lists of the admin API as sections.

use maud::{Markup, html};
use serde_json::Value;

use super::cells::{MAX_CELL, cut};
use super::page::List;

/// The most rows of a section; the rest is left to a question in SQL.
pub const MAX_ROWS: usize = 200;

/// A part of a page with a heading, which changes as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id in the document: letters, digits and hyphens.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// Its HTML.
    pub html: String,
}

impl Section {
    pub(super) fn new(id: &str, title: &str, body: &Markup) -> Self {
        let word = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        Self { id: id.chars().map(word).collect(), title: title.to_owned(), html: body.0.clone() }
    }
}

/// A note below rows that are not all of them.
pub(super) fn more(shown: usize, all: usize) -> Markup {
    html! { @if shown < all { p.soft { "The first " (shown) " of " (all) ": ask for the others in SQL." } } }
}

/// The rows of a list, a column for each member of the first ones.
pub(super) fn of_list(list: &List) -> Section {
    let mut names: Vec<&str> = Vec::new();
    let objects = list.rows.iter().filter_map(Value::as_object);
    for name in objects.take(MAX_ROWS).flat_map(|row| row.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    // Ids come first.
    names.sort_by_key(|name| !matches!(*name, "id" | "name" | "lease" | "kind"));
    let rows = list.rows.iter().take(MAX_ROWS);
    let body = html! {
        @if list.rows.is_empty() { p.soft { "None." } } @else if names.is_empty() {
            ul { @for row in rows { li { (text(row)) } } }
        } @else {
            table {
                thead { tr { @for name in &names { th scope="col" { (name.replace('_', " ")) } } } }
                tbody {
                    @for row in rows {
                        tr { @for name in &names { td { (row.get(*name).map(text).unwrap_or_default()) } } }
                    }
                }
            }
            (more(list.rows.len().min(MAX_ROWS), list.rows.len()))
        }
    };
    Section::new(list.title, list.title, &body)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "\u{2013}".to_owned(),
        Value::String(text) => cut(text, MAX_CELL),
        other => cut(&other.to_string(), MAX_CELL),
    }
}
