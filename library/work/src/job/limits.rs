//! Administration of queues and jobs: pause, limits, cancellation, an earlier start, depth.
//!
//! Each function is cancel-safe: a dropped future leaves each of its transactions whole or undone.

use std::collections::BTreeSet;
use std::time::Duration;

use ::store::{StoreError, args};
use serde::Serialize;

use super::MAX_KEY;
use super::store::JobStore;
use crate::doorbell;
use crate::error::{Refusal, WorkError};
use crate::statement::{Statement, statement};

const QUEUE_SET: Statement = statement!("queue_set");
const QUEUE_DEPTH: Statement = statement!("queue_depth");
const CANCEL_READY: Statement = statement!("cancel_ready");
const CANCEL_RUNNING: Statement = statement!("cancel_running");
const FORGET_ERRORS: Statement = statement!("forget_errors");
const KIND_PAUSE: Statement = statement!("kind_pause");
const KIND_RESUME: Statement = statement!("kind_resume");
const KIND_LIST: Statement = statement!("kind_list");
const QUEUE_LIST: Statement = statement!("queue_list");
const JOB_NOW: Statement = statement!("job_now");

/// Jobs of one state that are counted; a longer backlog is shown as this number.
pub const MAX_COUNTED: u32 = 10_000;

/// Queues or kinds in one answer.
pub const MAX_LISTED: usize = 500;

/// The pause and the limits of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueLimits {
    /// The queue.
    pub queue: String,
    /// True when nothing of it is claimed.
    pub paused: bool,
    /// Maximum number of running jobs over all nodes.
    pub max_running: Option<u32>,
    /// Maximum number of starts in a second over all nodes.
    pub rate_per_second: Option<u32>,
}

/// The jobs of a queue by state. Each number is at most [`MAX_COUNTED`], except `running`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueDepth {
    /// Jobs that may start.
    pub ready: u64,
    /// Jobs whose start is in the future: scheduled ones, and retries.
    pub scheduled: u64,
    /// Jobs that are claimed.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// Time since the oldest ready job could have started.
    pub oldest: Duration,
    /// True when the queue is paused.
    pub is_paused: bool,
}

impl JobStore {
    /// Stops claims of a queue on all nodes; jobs that run go on.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause(&self, queue: &str) -> Result<(), WorkError> {
        self.set(queue, Some(true), None, None).await
    }

    /// Lets claims of a queue go on.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume(&self, queue: &str) -> Result<(), WorkError> {
        self.set(queue, Some(false), None, None).await
    }

    /// Sets the maximum number of running jobs of a queue over all nodes; `None` for no limit. Claims of such a queue take turns.
    ///
    /// # Errors
    /// The store's.
    pub async fn limit_running(&self, queue: &str, limit: Option<u32>) -> Result<(), WorkError> {
        self.set(queue, None, Some(limit.unwrap_or(0)), None).await
    }

    /// Sets the number of jobs of a queue that start in a second over all nodes, with a burst of as many; `None` for no limit.
    ///
    /// # Errors
    /// The store's.
    pub async fn limit_rate(&self, queue: &str, per_second: Option<u32>) -> Result<(), WorkError> {
        self.set(queue, None, None, Some(per_second.unwrap_or(0))).await
    }

    async fn set(
        &self,
        queue: &str,
        paused: Option<bool>,
        running: Option<u32>,
        rate: Option<u32>,
    ) -> Result<(), WorkError> {
        check(queue)?;
        let engine = self.store().engine();
        self.write(|tx| {
            let values = args![queue, paused, running, rate];
            Box::pin(async move { Ok(tx.execute(QUEUE_SET.on(engine), values).await.map(drop)?) })
        })
        .await
    }

    /// Stops claims of one kind on all nodes; jobs that run go on. Claims walk past the waiting jobs of a paused kind: pause its queue instead
    /// where they are many and the queue has no other kinds.
    ///
    /// # Errors
    /// [`WorkError::Refused`] for an empty name or one of more than [`MAX_KEY`] bytes, else the store's.
    pub async fn pause_kind(&self, kind: &str) -> Result<(), WorkError> {
        check(kind)?;
        let engine = self.store().engine();
        self.write(|tx| {
            let values = args![kind];
            Box::pin(async move { Ok(tx.execute(KIND_PAUSE.on(engine), values).await.map(drop)?) })
        })
        .await
    }

    /// Lets claims of a kind go on.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume_kind(&self, kind: &str) -> Result<(), WorkError> {
        let engine = self.store().engine();
        self.write(|tx| {
            let values = args![kind];
            Box::pin(async move { Ok(tx.execute(KIND_RESUME.on(engine), values).await.map(drop)?) })
        })
        .await
    }

    /// Lists paused kinds by name, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// The store's.
    pub async fn paused_kinds(&self) -> Result<Vec<String>, WorkError> {
        let engine = self.store().engine();
        let rows = self
            .store()
            .read(|tx| {
                Box::pin(
                    async move { Ok::<_, WorkError>(tx.fetch_all(KIND_LIST.on(engine), args![MAX_LISTED]).await?) },
                )
            })
            .await?;
        Ok(rows.iter().map(|row| row.get("kind")).collect::<Result<_, StoreError>>()?)
    }

    /// Lists the queues that have been paused or limited once, by name, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// The store's.
    pub async fn queue_limits(&self) -> Result<Vec<QueueLimits>, WorkError> {
        let engine = self.store().engine();
        let rows = self
            .store()
            .read(|tx| {
                Box::pin(
                    async move { Ok::<_, WorkError>(tx.fetch_all(QUEUE_LIST.on(engine), args![MAX_LISTED]).await?) },
                )
            })
            .await?;
        let read = |row: &::store::Row| {
            Ok::<_, StoreError>(QueueLimits {
                queue: row.get("queue")?,
                paused: row.get("paused")?,
                max_running: row.get("max_running")?,
                rate_per_second: row.get("rate_per_second")?,
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Lets jobs start now that would start later: scheduled ones, and retries. Returns their number.
    ///
    /// # Errors
    /// The store's.
    pub async fn start_now(&self, ids: &[i64]) -> Result<u64, WorkError> {
        let engine = self.store().engine();
        self.write(|tx| {
            let ids = ids.to_vec();
            Box::pin(async move {
                let rows = tx.fetch_all(JOB_NOW.on(engine), args![ids]).await?;
                let queues = rows.iter().map(|row| row.get("queue")).collect::<Result<BTreeSet<String>, _>>()?;
                for queue in queues {
                    tx.after_commit(move || doorbell::ring(&queue));
                }
                Ok(rows.len() as u64)
            })
        })
        .await
    }

    /// Cancels jobs: those that have not started are deleted, running ones are stopped by their worker at its next heartbeat. Returns the
    /// number of jobs that were found.
    ///
    /// # Errors
    /// The store's.
    pub async fn cancel(&self, ids: &[i64]) -> Result<u64, WorkError> {
        let engine = self.store().engine();
        self.write(|tx| {
            let ids = ids.to_vec();
            Box::pin(async move {
                // Ready ones twice: one that was claimed after the first look is running, and a running one may be ready again.
                let mut deleted = tx.fetch_all(CANCEL_READY.on(engine), args![ids.clone()]).await?;
                let running = tx.fetch_all(CANCEL_RUNNING.on(engine), args![ids.clone()]).await?.len();
                deleted.extend(tx.fetch_all(CANCEL_READY.on(engine), args![ids]).await?);
                let messages = deleted.iter().map(|row| row.get("message_id")).collect::<Result<Vec<String>, _>>()?;
                let count = (running + messages.len()) as u64;
                if !messages.is_empty() {
                    tx.execute(FORGET_ERRORS.on(engine), args![messages]).await?;
                }
                Ok(count)
            })
        })
        .await
    }

    /// Counts the jobs of a queue.
    ///
    /// # Errors
    /// The store's.
    pub async fn depth(&self, queue: &str) -> Result<QueueDepth, WorkError> {
        let engine = self.store().engine();
        let row = self
            .store()
            .read(|tx| {
                let values = args![queue, MAX_COUNTED];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_one(QUEUE_DEPTH.on(engine), values).await?) })
            })
            .await?;
        Ok(QueueDepth {
            ready: row.get("ready")?,
            scheduled: row.get("scheduled")?,
            running: row.get("running")?,
            dead: row.get("dead")?,
            oldest: Duration::from_micros(row.get::<Option<i64>>("oldest")?.map_or(0, |age| age.max(0) as u64)),
            is_paused: row.get::<i64>("paused")? > 0,
        })
    }
}

/// Refuses a name that no queue and no kind can have.
fn check(name: &str) -> Result<(), Refusal> {
    let (part, kind) = ("name", name.chars().take(40).collect());
    match name.len() {
        0 => Err(Refusal::Empty { part, kind }),
        bytes if bytes > MAX_KEY => Err(Refusal::TooLong { part, kind, bytes, bound: MAX_KEY }),
        _ => Ok(()),
    }
}
