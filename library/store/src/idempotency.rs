//! The idempotency log: the response to each request, written in the transaction of its effect.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{StoreError, Transaction, args};

/// The longest key.
const MAX_KEY_BYTES: usize = 255;

/// The log's own table, on both engines.
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

/// A client's name for a request: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A key that is empty, too long, or has other characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {MAX_KEY_BYTES} visible ASCII characters")]
pub struct InvalidKey;

/// What a request asks for, as a hash: a repetition of the request has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// An answer as it is kept and given again. The store does not look into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// The status.
    pub status: u16,
    /// The body's media type.
    pub content_type: String,
    /// A few more headers, such as the location of what was made.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnceOutcome {
    /// The effect stays, and this is its answer.
    Commit(StoredResponse),
    /// The effect is undone, and this is the answer, now and whenever the request is repeated.
    Refuse(StoredResponse),
}

/// An answer, and whether it was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The answer, the same each time.
    pub answer: StoredResponse,
    /// Whether this is a repetition.
    pub replayed: bool,
}

impl IdempotencyKey {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let well_formed = (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidKey) }
    }
}

impl Fingerprint {
    /// Of several parts; where one ends and the next begins counts.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// As hexadecimal text.
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl StoredResponse {
    /// A JSON answer.
    ///
    /// # Errors
    /// When `body` cannot be JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(body)?;
        Ok(Self { status, content_type: "application/json".to_owned(), headers: Vec::new(), body })
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What the log says of a key.
pub(crate) enum Claim {
    /// Nobody used it: it is ours for this transaction.
    Fresh,
    /// This was answered.
    Answered(StoredResponse),
}

/// Takes the key, or finds what was answered. On PostgreSQL this waits for a transaction that has just taken it.
pub(crate) async fn claim(
    tx: &mut Transaction,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
) -> Result<Claim, StoreError> {
    let taken = tx
        .execute(
            "INSERT INTO evenkeel_idempotency (key, fingerprint, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key) DO NOTHING",
            args![key.as_str(), &fingerprint.0[..], now_micros()],
        )
        .await?;
    if taken == 1 {
        return Ok(Claim::Fresh);
    }
    let row = tx
        .fetch_one("SELECT fingerprint, answer FROM evenkeel_idempotency WHERE key = $1", args![key.as_str()])
        .await?;
    if row.get::<Vec<u8>>("fingerprint")? != fingerprint.0 {
        return Err(StoreError::KeyReused);
    }
    let answer: String = row.get("answer")?;
    let answer = serde_json::from_str(&answer)
        .map_err(|error| StoreError::Column { column: "answer".to_owned(), reason: error.to_string() })?;
    Ok(Claim::Answered(answer))
}

/// Writes the answer beside its effect.
pub(crate) async fn record(
    tx: &mut Transaction,
    key: &IdempotencyKey,
    answer: &StoredResponse,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(answer)
        .map_err(|error| StoreError::Column { column: "answer".to_owned(), reason: error.to_string() })?;
    let written =
        tx.execute("UPDATE evenkeel_idempotency SET answer = $1 WHERE key = $2", args![text, key.as_str()]).await?;
    assert_eq!(written, 1, "the key was taken in this transaction");
    Ok(())
}

/// Forgets answers given before `before`, at most `limit` of them; returns how many.
pub(crate) async fn purge(tx: &mut Transaction, before: SystemTime, limit: u32) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM evenkeel_idempotency WHERE key IN \
         (SELECT key FROM evenkeel_idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
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
    fn a_fingerprint_knows_where_its_parts_end() {
        assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
        assert_eq!(Fingerprint::of(&[b"ab"]), Fingerprint::of(&[b"ab"]));
    }
}
