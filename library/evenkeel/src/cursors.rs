//! Sealed cursors of lists, with a key in the store that all processes of the service share.
//!
//! ```
//! use evenkeel::cursors::{self, Cursors};
//! use evenkeel::prelude::*;
//!
//! async fn second_page(cursors: &Cursors) -> Result<(String, i64), Problem> {
//!     let list = cursors.of("orders").await?;
//!     let cursor = list.seal(&("2026-11-30", 17))?;
//!     let (_day, number): (String, i64) = list.open(&cursor)?;
//!     Ok((cursor, number))
//! }
//!
//! fn routes<S>(context: &Context<S, Store>) -> Router {
//!     let cursors = Cursors::stored(context.store());
//!     Router::new().route("/orders", get(async move || second_page(&cursors).await.map(|(cursor, _)| cursor)))
//! }
//! # Service::new(build_info!()).store(cursors::add_schema(Vec::new())).routes(routes);
//! ```

use std::sync::Arc;

use access::CursorKey;
use axum::http::StatusCode;
use border::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Migration, Migrations, Store, StoreError, args};
use tokio::sync::OnceCell;

/// A key of 32 bytes in hexadecimal digits, random, made once.
const SCHEMA: &str = "
CREATE TABLE evenkeel_cursor_key (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL
);
INSERT INTO evenkeel_cursor_key (id, key) VALUES (1, lower(hex(randomblob(32))));
";

/// The same on PostgreSQL: 244 of the bits are random.
const SCHEMA_POSTGRES: &str = "
CREATE TABLE evenkeel_cursor_key (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL
);
INSERT INTO evenkeel_cursor_key (id, key)
    VALUES (1, replace(CAST(gen_random_uuid() AS TEXT) || CAST(gen_random_uuid() AS TEXT), '-', ''));
";

/// Adds the table with the key of cursors to the migrations of a service.
pub fn add_schema(migrations: impl Into<Migrations>) -> Migrations {
    let table = Migration::both(1, "key of cursors", SCHEMA).on_postgres(SCHEMA_POSTGRES);
    migrations.into().library("cursors", vec![table])
}

/// Sealed cursors of the lists of a service. A client can neither read nor change them, nor use one for another list. Cheap to clone.
#[derive(Clone)]
pub struct Cursors {
    store: Store,
    key: Arc<OnceCell<CursorKey>>,
}

impl Cursors {
    /// Cursors that all processes on this store can open; it needs [`add_schema`].
    pub fn stored(store: &Store) -> Self {
        Self { store: store.clone(), key: Arc::default() }
    }

    /// Returns the cursors of one list. Name it by everything that selects its rows, such as the id of an account. The first call reads the key.
    /// Cancel-safe: the next call reads it again.
    ///
    /// # Errors
    /// 503 when the key cannot be read, or is not one of 64 hexadecimal digits.
    pub async fn of(&self, list: impl Into<String>) -> Result<ListCursors, Problem> {
        let key = self.key.get_or_try_init(|| read_key(&self.store)).await.map_err(|error| {
            tracing::warn!(error, "the key of cursors cannot be read");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "lists cannot be read at the moment; retry later")
                .retry_after(std::time::Duration::from_secs(1))
        })?;
        Ok(ListCursors { key: key.clone(), list: list.into() })
    }
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursors").finish_non_exhaustive()
    }
}

/// Cursors of one list.
#[derive(Clone, Debug)]
pub struct ListCursors {
    key: CursorKey,
    list: String,
}

impl ListCursors {
    /// Returns the cursor that continues after this position.
    ///
    /// # Errors
    /// 500 for a position that is no JSON or is longer than about 1,500 bytes.
    pub fn seal(&self, position: &impl Serialize) -> Result<String, Problem> {
        let bytes = serde_json::to_vec(position).ok();
        bytes.and_then(|bytes| self.key.seal(&self.list, &bytes)).ok_or_else(|| {
            tracing::error!(list = self.list, "a position does not fit into a cursor");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the list cannot be continued")
        })
    }

    /// Returns the position of a cursor that [`ListCursors::seal`] made for this list.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn open<T: DeserializeOwned>(&self, cursor: &str) -> Result<T, Problem> {
        let bytes = self.key.open(&self.list, cursor);
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(|| {
            let detail = "cursor: it is not one that a page of this list gave; begin without it";
            Problem::new(StatusCode::BAD_REQUEST, detail).with("field", "cursor")
        })
    }
}

async fn read_key(store: &Store) -> Result<CursorKey, String> {
    let text = stored_key(store).await.map_err(|error| error.to_string())?;
    let damaged = "evenkeel_cursor_key has no key of 64 hexadecimal digits: put a random one there";
    digits(&text).map(CursorKey::new).ok_or_else(|| damaged.to_owned())
}

async fn stored_key(store: &Store) -> Result<String, StoreError> {
    let row = store.read(|tx| {
        Box::pin(async move { tx.fetch_one("SELECT key FROM evenkeel_cursor_key WHERE id = $1", args![1_i64]).await })
    });
    row.await?.get("key")
}

/// The bytes of the 64 hexadecimal digits that the migration makes; none for another text, which would make a key that can be guessed.
fn digits(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str) -> ListCursors {
        ListCursors { key: CursorKey::new([3; 32]), list: name.to_owned() }
    }

    #[test]
    fn a_cursor_opens_to_its_position_in_its_own_list_alone() {
        let cursor = list("orders").seal(&("a", 7)).expect("a cursor");
        let position: (String, i64) = list("orders").open(&cursor).expect("a position");
        assert_eq!(position, ("a".to_owned(), 7));
        let refused = list("others").open::<(String, i64)>(&cursor).expect_err("another list");
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(list("orders").open::<i64>(&cursor).is_err(), "a position of another shape");
    }

    #[test]
    fn the_key_in_the_store_is_read_as_hexadecimal_digits() {
        let text = "00ff10".to_owned() + &"ab".repeat(29);
        let bytes = digits(&text).expect("a key");
        assert_eq!((&bytes[..3], bytes[31]), (&[0, 255, 16][..], 0xab));
        for damaged in ["", "00ff10", &"x".repeat(64), &format!("{text}00")] {
            assert_eq!(digits(damaged), None, "{damaged}");
        }
    }
}
