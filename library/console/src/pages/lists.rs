//! Lists of the admin API as sections.

use maud::html;
use serde_json::Value;

use super::cells::{MAX_CELL, cut};
use super::page::List;
use super::section::{MAX_ROWS, Section, more};

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
