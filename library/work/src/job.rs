//! Jobs: their types, and their properties before they are enqueued.

pub(crate) mod attempt;
pub(crate) mod claimed;
pub(crate) mod context;
pub(crate) mod enqueue;
pub(crate) mod finish;
pub(crate) mod lease;
mod limits;
mod listing;
pub(crate) mod outcome;
pub(crate) mod store;
pub(crate) mod take;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use claimed::{ClaimedJob, Held};
pub use finish::{Failure, FailureKind, Finished};
pub use lease::{Beat, ClaimRequest, Floors};
pub use limits::{MAX_COUNTED, MAX_LISTED, QueueDepth, QueueLimits};
pub use listing::{JobFilter, JobPage, JobRow, JobState, MAX_PAGE, WINDOW};

/// Maximum size of a payload in bytes of JSON.
pub const MAX_PAYLOAD: usize = 256 << 10;
/// Maximum length of a queue, a kind, an order key or a unique key in bytes.
pub const MAX_KEY: usize = 255;
/// Maximum number of attempts of a job.
pub const MAX_ATTEMPTS: u16 = 1_000;
/// Number of priorities: 0, the first, to 9.
pub const PRIORITIES: u8 = 10;
/// Priority of a job that names none.
pub const DEFAULT_PRIORITY: u8 = 5;
/// Maximum number of jobs in one call of [`enqueue_all`](crate::enqueue_all), and in one claim or completion.
pub const MAX_BATCH: usize = 500;

/// A type of job. Its payload is the JSON of the value.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the type in the database; never change it while jobs of this kind are queued.
    const KIND: &'static str;
    /// The queue. Default `default`.
    const QUEUE: &'static str = "default";
    /// Maximum number of attempts; then the job becomes a dead letter. Default 20.
    const MAX_ATTEMPTS: u16 = 20;

    /// A job with this payload, for more properties than the type has.
    fn job(&self) -> NewJob {
        NewJob::from(self)
    }
}

/// The start of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    After(Duration),
    At(SystemTime),
}

/// A job before it is enqueued.
#[derive(Debug)]
#[must_use = "a job does nothing until it is enqueued"]
pub struct NewJob {
    pub(crate) kind: String,
    pub(crate) queue: String,
    pub(crate) priority: u8,
    pub(crate) order_key: Option<String>,
    pub(crate) unique_key: Option<String>,
    pub(crate) max_attempts: u16,
    pub(crate) start: Start,
    pub(crate) deadline: Option<Duration>,
    pub(crate) message_id: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) payload: Result<String, serde_json::Error>,
}

impl<J: Job> From<&J> for NewJob {
    fn from(job: &J) -> Self {
        Self {
            kind: J::KIND.to_owned(),
            queue: J::QUEUE.to_owned(),
            priority: DEFAULT_PRIORITY,
            order_key: None,
            unique_key: None,
            max_attempts: J::MAX_ATTEMPTS,
            start: Start::After(Duration::ZERO),
            deadline: None,
            message_id: None,
            trace: None,
            payload: serde_json::to_string(job),
        }
    }
}

impl NewJob {
    /// Sets the queue, at most [`MAX_KEY`] bytes.
    pub fn queue(self, queue: impl Into<String>) -> Self {
        Self { queue: queue.into(), ..self }
    }

    /// Sets the priority: 0 starts first, 9 last. Default [`DEFAULT_PRIORITY`]. Jobs with an order key start in the order of their key instead.
    pub fn priority(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    /// Runs the jobs of one queue and key one after the other, in the order in which they were enqueued. A retry holds its successors up;
    /// a dead letter does not.
    ///
    /// The order of two transactions that enqueue at the same time is that of their commits if both lock the same row first, else either.
    pub fn order_by(self, key: impl ToString) -> Self {
        Self { order_key: Some(key.to_string()), ..self }
    }

    /// Allows one live job of this kind and key: until it is done or dead, another one is not enqueued and the caller gets the first.
    pub fn unique(self, key: impl ToString) -> Self {
        Self { unique_key: Some(key.to_string()), ..self }
    }

    /// Sets the maximum number of attempts, 1 to [`MAX_ATTEMPTS`].
    pub fn max_attempts(self, attempts: u16) -> Self {
        Self { max_attempts: attempts, ..self }
    }

    /// Starts the job no earlier than after this time, by the clock of the database.
    pub fn after(self, delay: Duration) -> Self {
        Self { start: Start::After(delay), ..self }
    }

    /// Starts the job no earlier than at this moment, by the clock of the database.
    pub fn at(self, moment: SystemTime) -> Self {
        Self { start: Start::At(moment), ..self }
    }

    /// Gives the job up when it is not done within this time: it does not start later, and a handler is stopped then.
    pub fn deadline(self, within: Duration) -> Self {
        Self { deadline: Some(within), ..self }
    }

    /// Sets the W3C `traceparent` of the work that caused the job. Default is that of the request or job that enqueues it.
    pub fn trace(self, traceparent: impl ToString) -> Self {
        Self { trace: Some(traceparent.to_string()), ..self }
    }
}
