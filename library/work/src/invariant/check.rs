//! One invariant and its check.

use std::fmt::Write as _;

use store::{ColumnError, Engine, Row, Store, StoreError, Value, args};

use crate::error::WorkError;

/// Maximum number of rows that a verdict names.
pub const MAX_SHOWN: usize = 20;
/// Maximum length of a value in a verdict in bytes.
const MAX_VALUE: usize = 100;
/// Rows that one statement reads to compare their checksums.
const PAGE: usize = 1000;

/// A statement about the data: a query that finds the rows that break it.
///
/// ```
/// # use evenkeel_work::invariant::Invariant;
/// Invariant::new("no balance is negative", "SELECT id, cents FROM accounts WHERE cents < 0");
/// Invariant::new("the cents of all accounts are zero", "SELECT SUM(cents) AS cents FROM accounts HAVING SUM(cents) <> 0");
/// ```
#[derive(Clone, Debug)]
pub struct Invariant {
    pub(super) name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    finds: Finds,
}

/// The rows that the query finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finds {
    /// The rows that break the invariant.
    Breaches,
    /// All rows, in pages, each with its checksum.
    Checksums,
}

/// The end of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The query has found no row, or every checksum is right.
    Holds,
    /// The query has found rows: the first ones, at most [`MAX_SHOWN`], as `column=value`.
    Breached {
        /// The rows.
        rows: Vec<String>,
        /// True when there are more.
        has_more: bool,
    },
}

impl Invariant {
    /// An invariant with its name, a sentence, and the query that finds the rows that break it. Select the columns that name a row to people; the
    /// alarm shows them.
    pub fn new(name: &'static str, query: &'static str) -> Self {
        Self { name, sqlite: query, postgres: query, finds: Finds::Breaches }
    }

    /// An invariant that rows are as they were written. The query gives them in pages: its first column is their key, a text, which is greater than `$1`;
    /// it has at most `$2` rows in the order of the key, and its last column is the [`checksum`](store::checksum) of those before it. Rows without a checksum
    /// (null) were written before there were any, and are passed over.
    ///
    /// A check reads the whole table, a thousand rows in a transaction. The alarm names the keys of the rows.
    ///
    /// ```
    /// # use evenkeel_work::invariant::Invariant;
    /// Invariant::checksums(
    ///     "a transfer is as it was written",
    ///     "SELECT id, payer, payee, cents, checksum FROM transfers WHERE id > $1 ORDER BY id LIMIT $2",
    /// );
    /// ```
    pub fn checksums(name: &'static str, query: &'static str) -> Self {
        Self { finds: Finds::Checksums, ..Self::new(name, query) }
    }

    /// Replaces the query for PostgreSQL.
    #[must_use]
    pub fn on_postgres(self, query: &'static str) -> Self {
        Self { postgres: query, ..self }
    }

    /// Runs the query, for breaches on one snapshot. Cancel-safe.
    ///
    /// # Errors
    /// The store's: then nothing is known.
    pub(super) async fn check(&self, store: &Store) -> Result<Verdict, WorkError> {
        let query = match store.engine() {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        };
        match self.finds {
            Finds::Breaches => breaches(store, query).await,
            Finds::Checksums => compared(store, query).await,
        }
    }
}

async fn breaches(store: &Store, query: &'static str) -> Result<Verdict, WorkError> {
    store
        .read(|tx| {
            Box::pin(async move {
                let (mut rows, mut has_more) = (Vec::new(), false);
                let read = tx.fetch_each(query, args![], MAX_SHOWN, |row| {
                    rows.push(shown(&row));
                    std::future::ready(Ok(()))
                });
                match read.await {
                    Ok(_) => {}
                    Err(StoreError::TooManyRows { .. }) => has_more = true,
                    Err(error) => return Err(error.into()),
                }
                Ok(verdict(rows, has_more))
            })
        })
        .await
}

/// Compares the checksums of all rows, up to those that a verdict names.
async fn compared(store: &Store, query: &'static str) -> Result<Verdict, WorkError> {
    let (mut after, mut rows) = (String::new(), Vec::new());
    loop {
        let from = after.clone();
        let page = store
            .read(|tx| {
                let from = from.clone();
                Box::pin(async move { tx.fetch_all(query, args![from, PAGE as i64]).await })
            })
            .await
            .map_err(WorkError::from)?;
        for row in &page {
            if !row.is_as_written()? {
                if rows.len() == MAX_SHOWN {
                    return Ok(verdict(rows, true));
                }
                rows.push(shown(row));
            }
        }
        match page.last() {
            Some(last) if page.len() >= PAGE => {
                let key: String = last.at(0)?;
                if key == after {
                    return Err(stuck(&key).into());
                }
                after = key;
            }
            _ => return Ok(verdict(rows, false)),
        }
    }
}

/// The error of a query whose next page is the one before: it would be read for ever.
fn stuck(key: &str) -> StoreError {
    let reason = format!(
        "the page behind {key:?} ends with it too: the query of checksums must have only keys greater than $1, in their order"
    );
    StoreError::Column { column: "the first one".to_owned(), cause: ColumnError::invalid(reason) }
}

fn verdict(rows: Vec<String>, has_more: bool) -> Verdict {
    if rows.is_empty() { Verdict::Holds } else { Verdict::Breached { rows, has_more } }
}

/// Writes a row as `column=value column=value`.
fn shown(row: &Row) -> String {
    let mut text = String::new();
    for (place, column) in row.columns().enumerate() {
        let value = row.at::<Value>(place).map_or_else(|error| error.to_string(), |value| shown_value(&value));
        let space = if place == 0 { "" } else { " " };
        let _ = write!(text, "{space}{column}={}", &value[..value.floor_char_boundary(MAX_VALUE)]);
    }
    text
}

fn shown_value(value: &Value) -> String {
    match value {
        Value::Int(Some(number)) => number.to_string(),
        Value::Bool(Some(flag)) => flag.to_string(),
        Value::Text(Some(text)) => text.clone(),
        Value::Float(Some(number)) => number.to_string(),
        Value::Uuid(Some(id)) => id.to_string(),
        Value::Numeric(Some(number)) => number.to_string(),
        Value::Json(Some(document)) => document.to_string(),
        other if other.is_null() => "null".to_owned(),
        other => format!("{other:?}"),
    }
}
