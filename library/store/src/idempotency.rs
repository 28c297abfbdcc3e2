//! The idempotency log: the response to each request, written in the transaction of its effect.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ColumnError, Engine, StoreError, Transaction, args};

/// Maximum length of a key in bytes.
const MAX_KEY_BYTES: usize = 255;

/// Schema of the first version of the log: answers as JSON, keys without a scope.
pub(crate) const TABLE_SQLITE: &str = "
CREATE TABLE evenkeel_idempotency (
    key TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    answer TEXT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX evenkeel_idempotency_created_at ON evenkeel_idempotency (created_at);
";
pub(crate) const TABLE_POSTGRES: &str = "
CREATE TABLE evenkeel_idempotency (
    key TEXT PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    answer TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX evenkeel_idempotency_created_at ON evenkeel_idempotency (created_at);
";

/// Schema of the second version: the key is (scope, key), the body is bytes. Keys of the first version stay, so that none of them takes effect again.
pub(crate) const SCOPE_SQLITE: &str = "
CREATE TABLE evenkeel_idempotency_scoped (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status BIGINT,
    content_type TEXT,
    headers TEXT,
    body BLOB,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
INSERT INTO evenkeel_idempotency_scoped (scope, key, fingerprint, created_at)
    SELECT '', key, fingerprint, created_at FROM evenkeel_idempotency;
DROP TABLE evenkeel_idempotency;
ALTER TABLE evenkeel_idempotency_scoped RENAME TO evenkeel_idempotency;
CREATE INDEX evenkeel_idempotency_created_at ON evenkeel_idempotency (created_at);
";
pub(crate) const SCOPE_POSTGRES: &str = "
ALTER TABLE evenkeel_idempotency
    ADD COLUMN scope TEXT NOT NULL DEFAULT '',
    ADD COLUMN status BIGINT,
    ADD COLUMN content_type TEXT,
    ADD COLUMN headers TEXT,
    ADD COLUMN body BYTEA,
    DROP COLUMN answer,
    DROP CONSTRAINT evenkeel_idempotency_pkey,
    ADD PRIMARY KEY (scope, key);
";

/// Idempotency key of a client, 1 to 255 visible ASCII characters, within the scope of one caller.
///
/// A key that is parsed from text has an empty scope: all callers share it. [`IdempotencyKey::in_scope`] gives each caller keys of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    scope: String,
    key: String,
}

/// Error of a key that is empty, too long, or has other characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {MAX_KEY_BYTES} visible ASCII characters")]
pub struct InvalidKey;

/// Hash of a request; a repetition of the request has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Answer that is stored and returned to repetitions. The store does not interpret it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredResponse {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// Further headers, such as the location of a created resource.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnceOutcome {
    /// The effect is committed, with this answer.
    Commit(StoredResponse),
    /// The effect is rolled back. This is the answer, also to repetitions of the request.
    Refuse(StoredResponse),
}

/// Answer to a request or to its repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The answer, the same for each repetition.
    pub answer: StoredResponse,
    /// True for a repetition.
    pub replayed: bool,
}

impl IdempotencyKey {
    /// Returns the key within the scope of one caller: two callers with the same text have two keys. The scope is the caller's identity, or empty.
    #[must_use]
    pub fn in_scope(self, scope: impl Into<String>) -> Self {
        Self { scope: scope.into(), ..self }
    }

    /// Returns the client's text.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// Returns the caller's identity; empty when all callers share one scope.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Returns the number under which PostgreSQL locks the key: the first eight bytes of a hash of both parts.
    fn lock(&self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = Fingerprint::of(&[self.scope.as_bytes(), self.key.as_bytes()]).0;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let well_formed = (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if well_formed { Ok(Self { scope: String::new(), key: text.to_owned() }) } else { Err(InvalidKey) }
    }
}

impl Fingerprint {
    /// Hashes several parts, with their boundaries.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Returns the hash as hexadecimal text.
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl StoredResponse {
    /// Creates an answer of any media type; an empty type for no body.
    pub fn new(status: u16, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: content_type.into(), headers: Vec::new(), body: body.into() }
    }

    /// Creates a JSON answer.
    ///
    /// # Errors
    /// When `body` cannot be JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::new(status, "application/json", serde_json::to_vec(body)?))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// State of a key in the log.
pub(crate) enum Claim {
    /// The key is unused, and is claimed for this transaction.
    Fresh,
    /// The request was answered.
    Answered(StoredResponse),
    /// Another transaction holds the key.
    InUse,
}

/// Claims the key, or finds the stored answer. Never waits for another transaction on PostgreSQL; on SQLite there is no other.
pub(crate) async fn claim(
    tx: &mut Transaction,
    engine: Engine,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<Claim, StoreError> {
    if engine == Engine::Postgres {
        let row = tx.fetch_one("SELECT pg_try_advisory_xact_lock($1) AS ours", args![key.lock()]).await?;
        if !row.get::<bool>("ours")? {
            return Ok(Claim::InUse);
        }
    }
    if let Some(answer) = answered(tx, key, fingerprint).await? {
        return Ok(Claim::Answered(answer));
    }
    // A key of before scopes was used by an unknown caller for a request that cannot be compared.
    let old = "SELECT 1 AS one FROM evenkeel_idempotency WHERE scope = '' AND key = $1 AND status IS NULL";
    if tx.fetch_optional(old, args![key.as_str()]).await?.is_some() {
        return Err(StoreError::KeyReused);
    }
    tx.execute(
        "INSERT INTO evenkeel_idempotency (scope, key, fingerprint, created_at) VALUES ($1, $2, $3, $4)",
        args![key.scope(), key.as_str(), &fingerprint.0[..], now_micros()],
    )
    .await?;
    Ok(Claim::Fresh)
}

/// Finds the stored answer.
pub(crate) async fn answered(
    tx: &mut Transaction,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<Option<StoredResponse>, StoreError> {
    let found = "SELECT fingerprint, status, content_type, headers, body FROM evenkeel_idempotency \
                 WHERE scope = $1 AND key = $2 AND status IS NOT NULL";
    let Some(row) = tx.fetch_optional(found, args![key.scope(), key.as_str()]).await? else { return Ok(None) };
    if row.get::<Vec<u8>>("fingerprint")? != fingerprint.0 {
        return Err(StoreError::KeyReused);
    }
    let headers = serde_json::from_str(&row.get::<String>("headers")?).map_err(wrong_headers)?;
    Ok(Some(StoredResponse {
        status: row.get("status")?,
        content_type: row.get("content_type")?,
        headers,
        body: row.get("body")?,
    }))
}

fn wrong_headers(error: serde_json::Error) -> StoreError {
    StoreError::Column { column: "headers".to_owned(), cause: ColumnError::invalid(error) }
}

/// Writes the answer beside its effect.
pub(crate) async fn record(
    tx: &mut Transaction,
    key: &IdempotencyKey,
    answer: &StoredResponse,
) -> Result<(), StoreError> {
    let headers = serde_json::to_string(&answer.headers).map_err(wrong_headers)?;
    let written = tx
        .execute(
            "UPDATE evenkeel_idempotency SET status = $1, content_type = $2, headers = $3, body = $4 \
             WHERE scope = $5 AND key = $6",
            args![answer.status, &answer.content_type, headers, &answer.body[..], key.scope(), key.as_str()],
        )
        .await?;
    assert_eq!(written, 1, "the key was taken in this transaction");
    Ok(())
}

/// Deletes at most `limit` answers that are older than `before`; returns the number of deleted ones.
pub(crate) async fn purge(tx: &mut Transaction, before: SystemTime, limit: u32) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM evenkeel_idempotency WHERE (scope, key) IN \
         (SELECT scope, key FROM evenkeel_idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        args![micros(before), limit],
    )
    .await
}

fn now_micros() -> i64 {
    micros(SystemTime::now())
}

fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_of_bounded_length() {
        for text in ["k", "a-b_c.d~", &"x".repeat(255)] {
            assert!(text.parse::<IdempotencyKey>().is_ok(), "{text}");
        }
        for text in ["", "a b", "\u{e9}", "a\n", &"x".repeat(256)] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(InvalidKey), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_written_as_the_hexadecimal_digits_of_its_hash() {
        let hash = "c3494ca1a2cf8eeb8a11ded316fb55b83c3bbbedb6313cd50415251e5d09e12f";
        assert_eq!(Fingerprint::of(&[b"abc"]).hex(), hash);
    }

    #[test]
    fn two_keys_or_scopes_have_two_locks() {
        let key = |text: &str| text.parse::<IdempotencyKey>().unwrap();
        let locks = [key("a"), key("b"), key("a").in_scope("ann"), key("a").in_scope("bob")].map(|key| key.lock());
        for (at, lock) in locks.iter().enumerate() {
            assert!(!locks[..at].contains(lock), "{locks:?}");
        }
    }

    #[test]
    fn a_fingerprint_knows_where_its_parts_end() {
        assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
        assert_eq!(Fingerprint::of(&[b"ab"]), Fingerprint::of(&[b"ab"]));
    }
}
