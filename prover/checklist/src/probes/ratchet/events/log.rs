//! Pages of the event log, as operators read them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keel_wire::http::{Answer, Request};
use serde_json::Value;

use crate::lab::Lab;
use crate::subject::Events;

/// The most pages of one read, of any size.
const MAX_PAGES: usize = 20_000;
/// Between two looks of a reader that has found nothing new.
const LOOK: Duration = Duration::from_millis(5);

/// An event as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its position.
    pub(super) cursor: String,
    /// The value that tells whose it is.
    pub(super) id: String,
    /// All of it.
    pub(super) whole: String,
}

/// The declared log.
pub(super) struct Log<'l> {
    pub(super) lab: &'l Lab,
    pub(super) declared: &'l Events,
}

impl Log<'_> {
    /// The events behind a position.
    ///
    /// # Errors
    /// When they are not read through to an empty page: why.
    pub(super) async fn behind(&self, after: &str) -> Result<Vec<Row>, String> {
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..MAX_PAGES {
            let after = rows.last().map_or(after, |last| &last.cursor);
            let (page, _) = self.page(after).await?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
        }
        Err(format!("{} has more than {MAX_PAGES} pages: check `cursor`", self.declared.read))
    }

    /// The position of the last event; empty when there is none.
    ///
    /// # Errors
    /// When it is not found: why.
    pub(super) async fn end(&self) -> Result<String, String> {
        let (page, answer) = self.page("").await?;
        let Some(pointer) = &self.declared.end else {
            return Ok(self.behind("").await?.last().map(|last| last.cursor.clone()).unwrap_or_default());
        };
        match answer.pointer(pointer) {
            Some(end) => Ok(if page.is_empty() { String::new() } else { text_of(end) }),
            None => Err(format!("the answer has nothing at {pointer:?}: check `end`")),
        }
    }

    /// Reads on until it is told to stop and has found nothing new; at most to an error.
    ///
    /// # Errors
    /// As [`Log::behind`].
    pub(super) async fn follow(&self, after: &str, stop: &AtomicBool) -> Result<Vec<Row>, String> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            // Before the look, so that what was there at the stop is read.
            let is_last = stop.load(Ordering::Acquire);
            let after = rows.last().map_or(after, |last| &last.cursor).to_owned();
            let (page, _) = self.page(&after).await?;
            if page.is_empty() {
                if is_last {
                    return Ok(rows);
                }
                tokio::time::sleep(LOOK).await;
            }
            rows.extend(page);
        }
    }

    async fn page(&self, after: &str) -> Result<(Vec<Row>, Value), String> {
        let path = self.declared.read.replace("{after}", &percent_encoded(after));
        let exchange = self.lab.admin().send(Request::get(&path)).await;
        let json = exchange.answer().filter(|answer| answer.status.is_success()).and_then(Answer::json);
        let rows = json.as_ref().and_then(|json| json.pointer(&self.declared.rows)).and_then(Value::as_array);
        let (Some(json), Some(rows)) = (&json, rows) else {
            let (came, rows) = (exchange.came_back(), &self.declared.rows);
            let came: String = came.chars().take(100).collect();
            return Err(format!(
                "GET {path} answers no list at {rows:?} ({came}): check `read` and `rows` of [events]"
            ));
        };
        let row = |row: &Value| {
            let at = |pointer: &String, field: &str| match row.pointer(pointer) {
                Some(value) => Ok(text_of(value)),
                None => Err(format!("an event at {path} has nothing at {pointer:?}: check `{field}` of [events]")),
            };
            let (cursor, id) = (at(&self.declared.cursor, "cursor")?, at(&self.declared.id, "id")?);
            Ok(Row { cursor, id, whole: row.to_string() })
        };
        let rows = rows.iter().map(row).collect::<Result<_, String>>()?;
        Ok((rows, json.clone()))
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text as a part of a query.
fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encoded).collect()
}
