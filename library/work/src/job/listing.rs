//! Lists of jobs in pages, and one job with its payload.
//!
//! Each function is cancel-safe: it only reads.

use std::time::SystemTime;

use ::store::{Row, StoreError, args};
use serde::Serialize;

use super::enqueue::moment;
use super::store::JobStore;
use crate::error::WorkError;
use crate::statement::{Statement, statement};
use crate::written::{rfc3339, rfc3339_or_none};

const WINDOW_OF_IDS: Statement = statement!("job_window");
const LIST: Statement = statement!("job_list");
const PAYLOAD: Statement = statement!("job_payload");

/// Maximum number of jobs in one page.
pub const MAX_PAGE: usize = 100;
/// Jobs that one page looks at: a filter that few jobs pass makes pages short, and never slow.
pub const WINDOW: u32 = 10_000;

/// The state of a job in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// It may start.
    Ready,
    /// It starts later: it was scheduled, or waits for another attempt.
    Scheduled,
    /// A worker has claimed it.
    Running,
    /// A worker has it, and its cancellation was requested.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Scheduled, Self::Running, Self::Cancelled];

    /// The name: `ready`, `scheduled`, `running` or `cancelled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The jobs of a list; an empty filter passes all.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// The queue.
    pub queue: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The state.
    pub state: Option<JobState>,
}

/// A job as it is in the database, without its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobRow {
    /// The id of the row.
    pub id: i64,
    /// The id of the message, the same in all attempts.
    pub message_id: String,
    /// The queue.
    pub queue: String,
    /// The kind.
    pub kind: String,
    /// The name of its [`JobState`].
    pub state: String,
    /// The priority.
    pub priority: u8,
    /// The order key.
    pub order_key: Option<String>,
    /// The unique key.
    pub unique_key: Option<String>,
    /// Number of attempts that have begun.
    pub attempt: u32,
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// Number of times that it was redriven from the dead letters.
    pub redrives: u32,
    /// The earliest start.
    #[serde(serialize_with = "rfc3339")]
    pub run_at: SystemTime,
    /// The moment from which it is given up.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub deadline: Option<SystemTime>,
    /// The end of the lease of its worker.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub lease_until: Option<SystemTime>,
    /// The worker.
    pub owner: Option<String>,
    /// The progress that its handler reported last.
    pub progress: Option<String>,
    /// The moment at which it was enqueued.
    #[serde(serialize_with = "rfc3339")]
    pub enqueued_at: SystemTime,
}

impl JobRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            message_id: row.get("message_id")?,
            queue: row.get("queue")?,
            kind: row.get("kind")?,
            state: row.get("state")?,
            priority: row.get("priority")?,
            order_key: row.get("order_key")?,
            unique_key: row.get("unique_key")?,
            attempt: row.get("attempt")?,
            max_attempts: row.get("max_attempts")?,
            redrives: row.get("redrives")?,
            run_at: moment(row.get("run_at")?),
            deadline: row.get::<Option<i64>>("deadline")?.map(moment),
            lease_until: row.get::<Option<i64>>("lease_until")?.map(moment),
            owner: row.get("owner")?,
            progress: row.get("progress")?,
            enqueued_at: moment(row.get("enqueued_at")?),
        })
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobPage {
    /// The jobs, in the order of their ids. It may be empty and still have a next page.
    pub jobs: Vec<JobRow>,
    /// The id after which the next page begins; none on the last one.
    pub next: Option<i64>,
}

impl JobStore {
    /// Lists jobs with an id above `after`, at most [`MAX_PAGE`]. One page looks at [`WINDOW`] jobs.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, filter: &JobFilter, after: i64, limit: usize) -> Result<JobPage, WorkError> {
        let engine = self.store().engine();
        let limit = limit.clamp(1, MAX_PAGE);
        self.store()
            .read(|tx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let window = tx.fetch_one(WINDOW_OF_IDS.on(engine), args![after, WINDOW]).await?;
                    let Some(last) = window.get::<Option<i64>>("last")? else { return Ok(JobPage::default()) };
                    let (queue, kind) = (filter.queue.unwrap_or_default(), filter.kind.unwrap_or_default());
                    let state = filter.state.map_or("", JobState::name);
                    let rows = tx.fetch_all(LIST.on(engine), args![after, last, queue, kind, state, limit]).await?;
                    let jobs = rows.iter().map(JobRow::read).collect::<Result<Vec<_>, _>>()?;
                    let is_last = window.get::<u32>("seen")? < WINDOW;
                    let next = match jobs.last() {
                        Some(job) if jobs.len() == limit => (!is_last || job.id < last).then_some(job.id),
                        _ => (!is_last).then_some(last),
                    };
                    Ok(JobPage { jobs, next })
                })
            })
            .await
    }

    /// Returns a job, its payload as JSON, and the `traceparent` of the work that caused it.
    ///
    /// # Errors
    /// The store's.
    pub async fn job(&self, id: i64) -> Result<Option<(JobRow, String, Option<String>)>, WorkError> {
        let engine = self.store().engine();
        self.store()
            .read(|tx| {
                Box::pin(async move {
                    let rows = tx.fetch_all(LIST.on(engine), args![id.saturating_sub(1), id, "", "", "", 1]).await?;
                    let payload = tx.fetch_optional(PAYLOAD.on(engine), args![id]).await?;
                    let (Some(row), Some(payload)) = (rows.first(), payload) else { return Ok(None) };
                    Ok(Some((JobRow::read(row)?, payload.get("payload")?, payload.get("trace")?)))
                })
            })
            .await
    }
}
