//! Tables of the admin listener of an evenkeel service, by its documented `POST /debug/query`.

use serde_json::Value;

/// The most rows of a table that are kept.
pub(super) const MAX_ROWS: usize = 200;
/// The most characters of a cell that are kept.
const MAX_CELL: usize = 200;

/// A panel of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Panel {
    #[default]
    Routes,
    Requests,
    Clients,
    Calls,
    Events,
    Levers,
}

/// All panels, in the order of their keys 1 to 6.
pub(super) const PANELS: [Panel; 6] =
    [Panel::Routes, Panel::Requests, Panel::Clients, Panel::Calls, Panel::Events, Panel::Levers];

impl Panel {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Routes => "Routes",
            Self::Requests => "Requests",
            Self::Clients => "Clients",
            Self::Calls => "Calls",
            Self::Events => "Events",
            Self::Levers => "Levers",
        }
    }

    /// The question whose answer the panel shows.
    pub(super) const fn question(self) -> Option<&'static str> {
        match self {
            Self::Routes | Self::Levers => None,
            Self::Requests => Some(
                "SELECT http_route AS route, http_request_method AS method, step, age, deadline_left AS left, request_id AS request \
                 FROM requests WHERE listener = 'public' ORDER BY age DESC LIMIT 200",
            ),
            Self::Clients => Some(
                "SELECT client, requests_at_least AS requests, requests_share AS share, failures_at_least AS failures, \
                 mean_duration AS mean, longest_duration AS longest FROM clients WHERE listener = 'public' \
                 ORDER BY requests_at_least DESC LIMIT 200",
            ),
            Self::Calls => Some(
                "SELECT name, breaker, breaker_order AS operator, failure_share AS failing, calls_in_flight AS busy, \
                 calls_at_a_time AS most, calls_waiting AS waiting, calls_failed AS failed, calls_retried AS retried \
                 FROM policy ORDER BY name LIMIT 200",
            ),
            Self::Events => Some(
                "SELECT strftime('%H:%M:%S', at, 'unixepoch') AS utc, part, name, state, reason FROM events \
                 ORDER BY sequence DESC LIMIT 200",
            ),
        }
    }
}

/// An answer: texts in rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads the JSON document of an answer.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let texts = |value: &Value| Some(value.as_array()?.iter().map(cell).collect::<Vec<_>>());
        let rows = answer["rows"].as_array()?.iter().take(MAX_ROWS).map(texts).collect::<Option<Vec<_>>>()?;
        Some(Self { columns: texts(&answer["columns"])?, rows })
    }

    /// The column of this name, from the top.
    pub(super) fn column(&self, name: &str) -> Vec<&str> {
        let at = self.columns.iter().position(|column| column == name);
        at.map_or_else(Vec::new, |at| self.rows.iter().filter_map(|row| Some(row.get(at)?.as_str())).collect())
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        Value::Number(number) if number.is_f64() => short(number.as_f64().unwrap_or_default()),
        other => plain(&other.to_string()),
    }
}

fn short(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 { format!("{number}") } else { format!("{number:.3}") }
}

/// The text within its bound, without what would move the cursor of a terminal: names may come from anybody.
pub(super) fn plain(text: &str) -> String {
    text.chars().take(MAX_CELL).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_texts_in_rows_and_columns() {
        let table =
            Table::read(&json!({"columns": ["a", "b"], "rows": [["x", 1.25], [null, 7.0], [true, 3]], "cut": null}));
        let rows = [["x", "1.250"], ["", "7"], ["true", "3"]].map(|row| row.map(str::to_owned).to_vec()).to_vec();
        assert_eq!(table.as_ref().unwrap().rows, rows);
        assert_eq!(table.unwrap().column("b"), ["1.250", "7", "3"]);
    }

    #[test]
    fn other_documents_are_no_tables() {
        for other in [json!({}), json!([1]), json!({"columns": ["a"], "rows": [1]}), json!("x")] {
            assert_eq!(Table::read(&other), None, "{other}");
        }
    }

    #[test]
    fn rows_and_cells_are_bounded_and_move_no_cursor() {
        let rows: Vec<_> = (0..300).map(|_| json!(["\u{1b}[2J".to_owned() + &"x".repeat(1_000)])).collect();
        let table = Table::read(&json!({"columns": ["a"], "rows": rows})).unwrap();
        assert_eq!((table.rows.len(), table.rows[0][0].chars().count()), (MAX_ROWS, MAX_CELL));
        assert!(table.rows[0][0].starts_with('\u{fffd}'));
    }
}
