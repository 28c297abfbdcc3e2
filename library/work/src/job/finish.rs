//! Ends of attempts: completion, failure, and leases that are over.
//!
//! Each function is cancel-safe: a dropped future leaves each of its transactions whole or undone.

use std::collections::HashMap;
use std::time::Duration;

use ::store::{Engine, Row, StoreError, Transaction, args};
use resilience::Backoff;

use super::MAX_BATCH;
use super::claimed::Held;
use super::enqueue::micros;
use super::store::JobStore;
use crate::boundary::boundary;
use crate::error::WorkError;
use crate::statement::{Statement, statement};

const COMPLETE: Statement = statement!("complete");
const FORGET_ERRORS: Statement = statement!("forget_errors");
const HOLD: Statement = statement!("hold");
const EXPIRED: Statement = statement!("expired");
const NOTE_ERRORS: Statement = statement!("note_errors");
const BURY: Statement = statement!("bury");
const REMOVE: Statement = statement!("remove");
const RETRY: Statement = statement!("retry");
/// Maximum length of an error text in bytes; the rest is cut off.
pub(crate) const MAX_ERROR: usize = 8 << 10;
/// Error of an attempt whose lease is over.
const LEASE_OVER: &str = "the lease is over: the worker died, was paused, or could not reach the database";

/// The end of an attempt without success.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The claimed job.
    pub held: Held,
    /// The consequence.
    pub kind: FailureKind,
    /// The error, cut to 8 KiB.
    pub error: String,
}

/// The consequence of an attempt without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// Another attempt after a delay; a dead letter when there were enough.
    Retry(Duration),
    /// Another attempt after a delay, and this one does not count.
    Snooze(Duration),
    /// The attempt was not begun: it does not count, and the job is ready at once.
    HandBack,
    /// The attempt was interrupted by the end of the worker: it counts, and the job is ready at once.
    Interrupted,
    /// A dead letter, for this reason: `permanent`, `deadline` or `payload`.
    Dead(&'static str),
    /// The job was cancelled and is deleted.
    Cancelled,
}

/// The jobs that an operation changed. Jobs that are missing had been claimed again, or were over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// Jobs that are done and deleted.
    pub completed: Vec<i64>,
    /// Jobs that are ready again.
    pub retried: Vec<i64>,
    /// Jobs that became dead letters.
    pub dead: Vec<i64>,
    /// Jobs that were cancelled and are deleted.
    pub cancelled: Vec<i64>,
}

impl Finished {
    /// Returns the number of changed jobs.
    pub fn count(&self) -> usize {
        self.completed.len() + self.retried.len() + self.dead.len() + self.cancelled.len()
    }
}

/// A locked row.
struct Locked {
    id: i64,
    attempt: u32,
    max_attempts: u32,
    is_cancelled: bool,
}

impl Locked {
    fn read(row: &Row) -> Result<Self, WorkError> {
        Ok(Self {
            id: row.get("id")?,
            attempt: row.get("attempt")?,
            max_attempts: row.get("max_attempts")?,
            is_cancelled: row.get("cancelled")?,
        })
    }
}

impl JobStore {
    /// Deletes jobs that are done, those that are still held under their fences.
    ///
    /// # Errors
    /// The store's. After [`WorkError::Unknown`] call it again: a job that is missing then was completed, or is stale.
    pub async fn complete(&self, held: &[Held]) -> Result<Finished, WorkError> {
        let mut finished = Finished::default();
        for batch in held.chunks(MAX_BATCH) {
            let completed = self
                .write(|tx| {
                    let batch = batch.to_vec();
                    Box::pin(async move {
                        let completed = complete_in(tx, &batch).await?;
                        boundary("completion: before the commit");
                        Ok(completed)
                    })
                })
                .await?;
            boundary("completion: after the commit");
            finished.completed.extend(completed);
        }
        Ok(finished)
    }

    /// Ends attempts without success, those that are still held under their fences.
    ///
    /// # Errors
    /// The store's. After [`WorkError::Unknown`] call it again.
    pub async fn fail(&self, failures: &[Failure]) -> Result<Finished, WorkError> {
        let engine = self.store().engine();
        let mut finished = Finished::default();
        for batch in failures.chunks(MAX_BATCH) {
            let batch = batch.to_vec();
            let part = self
                .write(|tx| {
                    let batch = batch.clone();
                    Box::pin(async move {
                        let finished = fail_in(tx, engine, batch).await?;
                        boundary("failure: before the commit");
                        Ok(finished)
                    })
                })
                .await?;
            boundary("failure: after the commit");
            finished.retried.extend(part.retried);
            finished.dead.extend(part.dead);
            finished.cancelled.extend(part.cancelled);
        }
        Ok(finished)
    }

    /// Ends the attempts of a queue whose lease is over, at most [`MAX_BATCH`] of them: another attempt after the backoff, or a dead letter
    /// (`lease`) when there were enough. So a job that kills its process every time does not come round for ever.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_expired(&self, queue: &str, backoff: Backoff) -> Result<Finished, WorkError> {
        let engine = self.store().engine();
        let queue = queue.to_owned();
        self.write(|tx| {
            let values = args![&queue, MAX_BATCH];
            Box::pin(async move {
                let mut ends = Ends::default();
                for row in tx.fetch_all(EXPIRED.on(engine), values).await? {
                    let row = Locked::read(&row)?;
                    let delay = backoff.wait(row.attempt.saturating_sub(1));
                    ends.add(&row, FailureKind::Retry(delay), LEASE_OVER, "lease");
                }
                ends.write(tx, engine).await
            })
        })
        .await
    }
}

/// Deletes jobs in the transaction; returns those that were still held.
pub(crate) async fn complete_in(tx: &mut Transaction, held: &[Held]) -> Result<Vec<i64>, WorkError> {
    let engine = tx.engine();
    let (ids, fences) = columns(held.iter().copied());
    let rows = tx.fetch_all(COMPLETE.on(engine), args![ids, fences]).await?;
    let (completed, retried) = match engine {
        Engine::Postgres => completed_lists(rows)?,
        Engine::Sqlite => completed_rows(&rows)?,
    };
    forget_errors(tx, retried).await?;
    Ok(completed)
}

/// Deletes the errors of earlier attempts of these messages.
pub(crate) async fn forget_errors(tx: &mut Transaction, messages: Vec<String>) -> Result<(), WorkError> {
    if !messages.is_empty() {
        tx.execute(FORGET_ERRORS.on(tx.engine()), args![messages]).await?;
    }
    Ok(())
}

/// The jobs of an answer that were deleted, and the messages of those with an earlier attempt.
type Completed = (Vec<i64>, Vec<String>);

fn completed_lists(rows: Vec<Row>) -> Result<Completed, StoreError> {
    let Some(mut lists) = rows.into_iter().next() else { return Ok(Completed::default()) };
    Ok((lists.take("id")?, lists.take("retried")?))
}

fn completed_rows(rows: &[Row]) -> Result<Completed, StoreError> {
    let (mut completed, mut retried) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        completed.push(row.get("id")?);
        if row.get::<i64>("attempt")? > 1 {
            retried.push(row.get("message_id")?);
        }
    }
    Ok((completed, retried))
}

async fn fail_in(tx: &mut Transaction, engine: Engine, failures: Vec<Failure>) -> Result<Finished, WorkError> {
    let (ids, fences) = columns(failures.iter().map(|failure| failure.held));
    let rows = tx.fetch_all(HOLD.on(engine), args![ids, fences]).await?;
    let failures: HashMap<i64, Failure> = failures.into_iter().map(|failure| (failure.held.id, failure)).collect();
    let mut ends = Ends::default();
    for row in &rows {
        let row = Locked::read(row)?;
        if let Some(failure) = failures.get(&row.id) {
            ends.add(&row, failure.kind, &failure.error, "attempts");
        }
    }
    ends.write(tx, engine).await
}

fn columns(held: impl Iterator<Item = Held>) -> (Vec<i64>, Vec<i64>) {
    held.map(|held| (held.id, held.fence)).unzip()
}

/// The ends of locked jobs, in columns.
#[derive(Default)]
struct Ends {
    failed: Vec<i64>,
    errors: Vec<String>,
    again: Vec<i64>,
    delays: Vec<i64>,
    uncounts: Vec<i64>,
    dead: Vec<i64>,
    reasons: Vec<String>,
    last_errors: Vec<String>,
    cancelled: Vec<i64>,
}

impl Ends {
    /// Decides what follows an attempt; `exhausted` is the reason of a dead letter after the last attempt.
    fn add(&mut self, row: &Locked, kind: FailureKind, error: &str, exhausted: &'static str) {
        let error = cut(error);
        let (delay, uncount) = match kind {
            // A cancelled job gets no further attempt.
            FailureKind::Cancelled => return self.cancelled.push(row.id),
            _ if row.is_cancelled => return self.cancelled.push(row.id),
            FailureKind::Dead(reason) => return self.bury(row.id, reason, error),
            FailureKind::Retry(_) if row.attempt >= row.max_attempts => return self.bury(row.id, exhausted, error),
            FailureKind::Interrupted if row.attempt >= row.max_attempts => {
                return self.bury(row.id, exhausted, error);
            }
            FailureKind::Retry(delay) => {
                self.failed.push(row.id);
                self.errors.push(error);
                (delay, 0)
            }
            FailureKind::Interrupted => (Duration::ZERO, 0),
            FailureKind::Snooze(delay) => (delay, 1),
            FailureKind::HandBack => (Duration::ZERO, 1),
        };
        self.again.push(row.id);
        self.delays.push(micros(delay));
        self.uncounts.push(uncount);
    }

    fn bury(&mut self, id: i64, reason: &str, error: String) {
        self.failed.push(id);
        self.errors.push(error.clone());
        self.dead.push(id);
        self.reasons.push(reason.to_owned());
        self.last_errors.push(error);
    }

    async fn write(self, tx: &mut Transaction, engine: Engine) -> Result<Finished, WorkError> {
        if !self.failed.is_empty() {
            tx.execute(NOTE_ERRORS.on(engine), args![self.failed, self.errors]).await?;
        }
        if !self.dead.is_empty() {
            tx.execute(BURY.on(engine), args![self.dead.clone(), self.reasons, self.last_errors]).await?;
        }
        let over: Vec<i64> = self.dead.iter().chain(&self.cancelled).copied().collect();
        if !over.is_empty() {
            tx.execute(REMOVE.on(engine), args![over]).await?;
        }
        if !self.again.is_empty() {
            tx.execute(RETRY.on(engine), args![self.again.clone(), self.delays, self.uncounts]).await?;
        }
        Ok(Finished { completed: Vec::new(), retried: self.again, dead: self.dead, cancelled: self.cancelled })
    }
}

/// Cuts a text to [`MAX_ERROR`] bytes. PostgreSQL stores no zero bytes.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_ERROR)].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(attempt: u32, is_cancelled: bool, kind: FailureKind) -> Ends {
        let mut ends = Ends::default();
        ends.add(&Locked { id: 1, attempt, max_attempts: 3, is_cancelled }, kind, "why", "attempts");
        ends
    }

    #[test]
    fn the_last_attempt_makes_a_dead_letter_and_an_earlier_one_a_retry() {
        let retry = FailureKind::Retry(Duration::from_secs(1));
        assert_eq!(ends(2, false, retry).delays, [1_000_000]);
        assert_eq!(ends(3, false, retry).reasons, ["attempts"]);
        assert_eq!(ends(3, false, FailureKind::Interrupted).reasons, ["attempts"]);
        assert_eq!(ends(1, false, FailureKind::Dead("permanent")).reasons, ["permanent"]);
    }

    #[test]
    fn an_attempt_that_did_not_begin_does_not_count() {
        assert_eq!(ends(3, false, FailureKind::HandBack).uncounts, [1]);
        assert_eq!(ends(3, false, FailureKind::Snooze(Duration::ZERO)).uncounts, [1]);
        assert_eq!(ends(2, false, FailureKind::Interrupted).uncounts, [0]);
    }

    #[test]
    fn a_cancelled_job_gets_no_further_attempt() {
        assert_eq!(ends(1, true, FailureKind::Retry(Duration::ZERO)).cancelled, [1]);
    }

    #[test]
    fn an_error_is_cut_between_characters() {
        let long = "\u{e9}".repeat(MAX_ERROR);
        assert_eq!(cut(&long).len(), MAX_ERROR);
        assert_eq!(cut(&format!("x{long}")).len(), MAX_ERROR - 1);
        assert_eq!(cut("a\0b"), "a\u{fffd}b");
    }
}
