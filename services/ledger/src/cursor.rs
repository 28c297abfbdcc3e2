//! Pagination: a sealed cursor that names the last row seen, and a bounded limit.
//!
//! Rows are in the order of (created_at, id), and never move: a row that exists when a walk begins is seen once, and a later row comes at the
//! end. On PostgreSQL a transaction that commits late may put a row behind a walk that has passed it: such a row did not exist when the walk
//! began.

use evenkeel::cursors::ListCursors;
use evenkeel::prelude::*;
use evenkeel::utoipa;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;

/// Default number of rows of a page.
pub const DEFAULT_LIMIT: i64 = 50;
/// The most rows of a page.
pub const MAX_LIMIT: i64 = 200;

/// Page request of a list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// The position of a row in its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Time of creation, in microseconds since 1970.
    pub created_at: i64,
    /// Its id.
    pub id: String,
}

impl Paging {
    /// The page after this cursor; the first one without it.
    pub fn after(cursor: Option<String>) -> Self {
        Self { cursor, limit: None }
    }

    /// Returns the start position in this list and the number of rows to read.
    ///
    /// # Errors
    /// 400 for a limit out of range or a cursor of anything but this list.
    pub fn checked(&self, list: &ListCursors) -> Result<(Position, i64), LedgerError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(refused("limit", format!("{limit} is not between 1 and {MAX_LIMIT}")));
        }
        let start = Position { created_at: i64::MIN, id: String::new() };
        let position = match &self.cursor {
            None => start,
            Some(text) => list.open(text).map_err(LedgerError::Refused)?,
        };
        Ok((position, limit))
    }
}

fn refused(field: &str, reason: String) -> LedgerError {
    LedgerError::Refused(Problem::new(StatusCode::BAD_REQUEST, format!("{field}: {reason}")).with("field", field))
}

impl<T> Page<T> {
    /// A page of at most `limit` rows of this list, from one row more than that when there are more.
    ///
    /// # Errors
    /// 500 when the last position does not fit into a cursor.
    pub fn of(mut rows: Vec<(Position, T)>, limit: i64, list: &ListCursors) -> Result<Self, LedgerError> {
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(position, _)| list.seal(position)).transpose();
        let next = next.map_err(LedgerError::Refused)?;
        Ok(Self { items: rows.into_iter().map(|(_, row)| row).collect(), next })
    }
}
