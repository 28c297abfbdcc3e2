//! Dead letters: jobs that were given up, with their reason, errors and payload.
//!
//! Each function is cancel-safe: a dropped future leaves each of its transactions whole or undone.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use store::{Row, StoreError, args};

use crate::error::{Refusal, WorkError};
use crate::job::MAX_PAYLOAD;
use crate::job::enqueue::{micros, moment};
use crate::job::store::JobStore;
use crate::statement::{Statement, statement};
use crate::written::{json, rfc3339};

const LIST: Statement = statement!("dead_list");
const PAGE: Statement = statement!("dead_page");
const PAGE_OF_QUEUE: Statement = statement!("dead_page_of_queue");
const ONE: Statement = statement!("dead_one");
const ERRORS: Statement = statement!("dead_errors");
const REDRIVE: Statement = statement!("dead_redrive");
const EDIT: Statement = statement!("dead_edit");
const DROP: Statement = statement!("dead_drop");
const OLD: Statement = statement!("dead_old");
const PURGE: Statement = statement!("dead_purge");
const PURGE_ERRORS: Statement = statement!("dead_purge_errors");
/// Maximum number of dead letters in one answer or operation.
pub const MAX_DEAD: usize = 500;
/// Maximum number of errors in one answer: the last ones.
pub const MAX_ERRORS: usize = 100;

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The id of the dead letter.
    pub id: i64,
    /// The id of the message, as in all attempts.
    pub message_id: String,
    /// The queue.
    pub queue: String,
    /// The kind.
    pub kind: String,
    /// The reason: `attempts` (they were used up), `lease` (its worker died in the last one), `permanent` (the handler said so),
    /// `deadline`, or `payload` (it cannot be read).
    pub reason: String,
    /// The last error.
    pub error: String,
    /// Number of attempts.
    pub attempts: u32,
    /// Number of times that it was redriven before.
    pub redrives: u32,
    /// The moment at which it was enqueued.
    #[serde(serialize_with = "rfc3339")]
    pub enqueued_at: SystemTime,
    /// The moment at which it was given up.
    #[serde(serialize_with = "rfc3339")]
    pub died_at: SystemTime,
    /// The payload, as JSON.
    #[serde(serialize_with = "json")]
    pub payload: String,
    /// The `traceparent` of the work that caused it.
    pub trace: Option<String>,
}

/// The error of one attempt.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptError {
    /// The number of the attempt.
    pub attempt: u32,
    /// The moment.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The error.
    pub error: String,
}

impl DeadLetter {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            message_id: row.get("message_id")?,
            queue: row.get("queue")?,
            kind: row.get("kind")?,
            reason: row.get("reason")?,
            error: row.get("error")?,
            attempts: row.get("attempts")?,
            redrives: row.get("redrives")?,
            enqueued_at: moment(row.get("enqueued_at")?),
            died_at: moment(row.get("died_at")?),
            payload: row.get("payload")?,
            trace: row.get("trace")?,
        })
    }
}

impl JobStore {
    /// Lists dead letters of a queue with an id above `after`, in the order of their ids, at most [`MAX_DEAD`].
    ///
    /// # Errors
    /// The store's.
    pub async fn dead_letters(&self, queue: &str, after: i64, limit: usize) -> Result<Vec<DeadLetter>, WorkError> {
        let engine = self.store().engine();
        let rows = self
            .store()
            .read(|tx| {
                let values = args![queue, after, limit.min(MAX_DEAD)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(LIST.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(DeadLetter::read).collect::<Result<_, _>>()?)
    }

    /// Lists dead letters of a queue, or of all, with an id above `after`, in the order of their ids, at most [`MAX_DEAD`]. Their payloads are
    /// empty and their traces none: [`JobStore::dead_letter`] returns them.
    ///
    /// # Errors
    /// The store's.
    pub async fn dead_page(&self, queue: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>, WorkError> {
        let engine = self.store().engine();
        let limit = limit.min(MAX_DEAD);
        let rows = self
            .store()
            .read(|tx| {
                let (page, values) = match queue {
                    Some(queue) => (PAGE_OF_QUEUE, args![after, limit, queue]),
                    None => (PAGE, args![after, limit]),
                };
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(page.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(DeadLetter::read).collect::<Result<_, _>>()?)
    }

    /// Returns one dead letter.
    ///
    /// # Errors
    /// The store's.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, WorkError> {
        let engine = self.store().engine();
        let row = self
            .store()
            .read(|tx| Box::pin(async move { Ok::<_, WorkError>(tx.fetch_optional(ONE.on(engine), args![id]).await?) }))
            .await?;
        Ok(row.as_ref().map(DeadLetter::read).transpose()?)
    }

    /// Lists the errors of all attempts of a job or dead letter, at most the last [`MAX_ERRORS`].
    ///
    /// # Errors
    /// The store's.
    pub async fn errors_of(&self, message_id: &str) -> Result<Vec<AttemptError>, WorkError> {
        let engine = self.store().engine();
        let rows = self
            .store()
            .read(|tx| {
                let values = args![message_id, MAX_ERRORS];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(ERRORS.on(engine), values).await?) })
            })
            .await?;
        let read = |row: &Row| {
            let at = moment(row.get("happened_at")?);
            Ok::<_, StoreError>(AttemptError { attempt: row.get("attempt")?, at, error: row.get("error")? })
        };
        let mut errors = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        errors.reverse();
        Ok(errors)
    }

    /// Makes dead letters jobs again, with all their attempts and the same message id, at most [`MAX_DEAD`] in one call; returns the new ids.
    ///
    /// A dead letter whose unique key a live job has stays one. A deadline is not set again.
    ///
    /// # Errors
    /// The store's.
    pub async fn redrive(&self, dead: &[i64]) -> Result<Vec<i64>, WorkError> {
        let engine = self.store().engine();
        let dead = &dead[..dead.len().min(MAX_DEAD)];
        self.write(|tx| {
            let dead = dead.to_vec();
            Box::pin(async move {
                let rows = tx.fetch_all(REDRIVE.on(engine), args![dead.clone()]).await?;
                let messages = rows.iter().map(|row| row.get("message_id")).collect::<Result<Vec<String>, _>>()?;
                let ids = rows.iter().map(|row| row.get("id")).collect::<Result<Vec<i64>, _>>()?;
                tx.execute(DROP.on(engine), args![dead, messages]).await?;
                Ok(ids)
            })
        })
        .await
    }

    /// Replaces the payload of a dead letter before it is redriven, by a job or by any value of its shape; returns false when there is no
    /// dead letter of this id.
    ///
    /// # Errors
    /// [`WorkError::Refused`] when the value is no JSON or longer than [`MAX_PAYLOAD`], else the store's.
    pub async fn edit_dead_letter(&self, id: i64, payload: &impl Serialize) -> Result<bool, WorkError> {
        let engine = self.store().engine();
        let kind = || "dead".to_owned();
        let payload = serde_json::to_string(payload).map_err(|cause| Refusal::Payload { kind: kind(), cause })?;
        if payload.len() > MAX_PAYLOAD {
            let bytes = payload.len();
            return Err(Refusal::TooLong { part: "payload", kind: kind(), bytes, bound: MAX_PAYLOAD }.into());
        }
        self.write(|tx| {
            let values = args![id, &payload];
            Box::pin(async move { Ok(tx.execute(EDIT.on(engine), values).await? == 1) })
        })
        .await
    }

    /// Deletes dead letters and their errors, at most [`MAX_DEAD`] in one call; returns their number.
    ///
    /// # Errors
    /// The store's.
    pub async fn drop_dead(&self, dead: &[i64]) -> Result<u64, WorkError> {
        let engine = self.store().engine();
        let dead = &dead[..dead.len().min(MAX_DEAD)];
        self.write(|tx| {
            let dead = dead.to_vec();
            Box::pin(async move {
                tx.execute(PURGE_ERRORS.on(engine), args![dead.clone()]).await?;
                Ok(tx.execute(PURGE.on(engine), args![dead]).await?)
            })
        })
        .await
    }

    /// Deletes dead letters of a queue that are older than the retention, and the oldest beyond the bound; returns their number.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_dead(&self, queue: &str, retention: Duration, bound: u32) -> Result<u64, WorkError> {
        let engine = self.store().engine();
        let mut purged = 0;
        loop {
            let rows = self
                .store()
                .read(|tx| {
                    let values = args![queue, micros(retention), bound, MAX_DEAD];
                    Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(OLD.on(engine), values).await?) })
                })
                .await?;
            let ids = rows.iter().map(|row| row.get("id")).collect::<Result<Vec<i64>, _>>()?;
            purged += self.drop_dead(&ids).await?;
            if ids.len() < MAX_DEAD {
                return Ok(purged);
            }
        }
    }
}
