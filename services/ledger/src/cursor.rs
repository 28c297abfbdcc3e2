//! Pagination: an opaque cursor that names the last row seen, and a bounded limit.
//!
//! Rows are in the order of (created_at, id), and never move: a row that exists when a walk begins is seen once, and a later row comes at the
//! end. On PostgreSQL a transaction that commits late may put a row behind a walk that has passed it: such a row did not exist when the walk
//! began.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use evenkeel::prelude::*;
use evenkeel::utoipa;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::id;

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
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Returns the start position and the number of rows to read.
    ///
    /// # Errors
    /// 400 for a limit out of range or a cursor that is not ours.
    pub fn checked(&self) -> Result<(Position, i64), LedgerError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(refused("limit", format!("{limit} is not between 1 and {MAX_LIMIT}")));
        }
        let start = Position { created_at: i64::MIN, id: String::new() };
        let position = match &self.cursor {
            None => start,
            Some(text) => Position::decode(text)
                .ok_or_else(|| refused("cursor", "it is not one that a page gave; begin without it".to_owned()))?,
        };
        Ok((position, limit))
    }
}

fn refused(field: &str, reason: String) -> LedgerError {
    LedgerError::Refused(Problem::new(StatusCode::BAD_REQUEST, format!("{field}: {reason}")).with("field", field))
}

impl Position {
    fn encode(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.created_at, self.id))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (created_at, id) = text.split_once('\n')?;
        id::is_well_formed(id).then_some(())?;
        Some(Self { created_at: created_at.parse().ok()?, id: id.to_owned() })
    }
}

impl<T> Page<T> {
    /// A page of at most `limit` rows, from one row more than that when there are more.
    pub fn of(mut rows: Vec<(Position, T)>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(position, _)| position.encode());
        Self { items: rows.into_iter().map(|(_, row)| row).collect(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_names_its_place_and_nothing_else_is_taken_for_one() {
        let position = Position { created_at: 17, id: "acc_x".to_owned() };
        assert_eq!(Position::decode(&position.encode()), Some(position));
        let with_a_zero_byte = Position { created_at: 17, id: "acc_\0".to_owned() }.encode();
        for text in ["", "17", "!!!", "MTc", &with_a_zero_byte] {
            assert_eq!(Position::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_has_a_next_only_when_there_is_more() {
        let row = |n: i64| (Position { created_at: n, id: "acc_x".to_owned() }, n);
        assert!(Page::of(vec![row(1), row(2)], 2).next.is_none());
        let page = Page::of(vec![row(1), row(2), row(3)], 2);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(Position::decode(&page.next.unwrap()).unwrap().created_at, 2);
    }
}
