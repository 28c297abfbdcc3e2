//! Errors of work: refused, to be repeated, or unknown.

use store::StoreError;

/// The error of an operation on jobs, by its remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The operation was refused; a repetition without a change is refused too.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing was done; a repetition may succeed.
    #[error("{0}; nothing was done, repeat it later")]
    Retry(#[source] StoreError),
    /// The connection broke during the commit: the operation took effect or did not. Repeat it with the same message id or fence.
    #[error("{0}; repeat it with the same message id")]
    Unknown(#[source] StoreError),
}

/// The reason of a refusal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A part of a job is longer than its bound.
    #[error(
        "the {part} of a {kind} job has {bytes} bytes, more than {bound}: store the data in a table and pass its key"
    )]
    TooLong {
        /// The part: payload, queue, order key or unique key.
        part: &'static str,
        /// The kind of the job.
        kind: String,
        /// Its size.
        bytes: usize,
        /// The bound.
        bound: usize,
    },
    /// A part of a job that must have a value is empty.
    #[error("the {part} of a {kind} job is empty: leave it out or give it a value")]
    Empty {
        /// The part: queue, kind, order key or unique key.
        part: &'static str,
        /// The kind of the job.
        kind: String,
    },
    /// The payload cannot be written or read as JSON.
    #[error("the payload of a {kind} job is not the JSON of its type: {cause}")]
    Payload {
        /// The kind of the job.
        kind: String,
        /// The reason.
        #[source]
        cause: serde_json::Error,
    },
    /// A number is beyond its range.
    #[error("the {part} {value} is outside of {range}")]
    Range {
        /// The part.
        part: &'static str,
        /// The value.
        value: i64,
        /// The range.
        range: &'static str,
    },
    /// More jobs than one call takes.
    #[error("{count} jobs are more than {bound} in one call: enqueue them in several calls")]
    TooMany {
        /// The number of jobs.
        count: usize,
        /// The bound.
        bound: usize,
    },
    /// No worker of this process handles jobs of this kind.
    #[error("no handler is registered for {kind} jobs: add it with `Workers::handle`")]
    NoHandler {
        /// The kind.
        kind: String,
    },
    /// A cron pattern or a time zone cannot be read.
    #[error("the schedule {name}: {reason}")]
    Schedule {
        /// The name of the schedule.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A job failed in a run that reports failures to its caller.
    #[error("a {kind} job failed: {reason}")]
    Failed {
        /// The kind.
        kind: String,
        /// The error of its handler.
        reason: String,
    },
    /// A write under a lease that is over, or that another process has taken since. Nothing was written.
    #[error(
        "the lease {name} does not hold under the fence {fence} any more (the last one is {found}): stop this work, its \
         successor does it"
    )]
    Stale {
        /// The name of the lease.
        name: String,
        /// The fence of the writer.
        fence: i64,
        /// The fence in the database.
        found: i64,
    },
    /// A stream has another version than the expected one: another transaction has appended to it.
    #[error(
        "the stream {stream} has version {found} and not {expected} (-1 stands for any): read it again and decide anew"
    )]
    Version {
        /// The stream.
        stream: String,
        /// The expected version; 0 for no stream.
        expected: i64,
        /// The version that it has; 0 for no stream.
        found: i64,
    },
    /// An event cannot be read as its type.
    #[error("the event {kind}, version {version} of the stream {stream}, cannot be read: {reason}")]
    Event {
        /// The kind.
        kind: String,
        /// The stream.
        stream: String,
        /// The version of the stream with this event.
        version: i64,
        /// The reason.
        reason: String,
    },
    /// The cursor of a subscription is not where the caller has read it: it was moved, paused, halted or rebuilt meanwhile.
    #[error("the subscription {name} was moved or stopped meanwhile: read its cursor again")]
    Moved {
        /// The name of the subscription.
        name: String,
    },
    /// The consumer of a subscription failed in a run that reports failures to its caller, or cannot do what was asked for.
    #[error("the subscription {name}: {reason}")]
    Consumer {
        /// The name of the subscription.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A run cannot be started, read or changed as asked for.
    #[error("the run {message_id}: {reason}")]
    Run {
        /// The message id of the run.
        message_id: String,
        /// The reason.
        reason: String,
    },
    /// The store refused for a reason that a repetition does not change.
    #[error(transparent)]
    Store(StoreError),
}

impl WorkError {
    /// Returns the store's error, for callers that treat it as that of any other statement of their transaction.
    ///
    /// # Errors
    /// The refusal, when the error is not the store's.
    pub fn into_store_error(self) -> Result<StoreError, Refusal> {
        match self {
            Self::Retry(error) | Self::Unknown(error) | Self::Refused(Refusal::Store(error)) => Ok(error),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unknown(_) => Self::Unknown(error),
            error if error.is_transient() => Self::Retry(error),
            error => Self::Refused(Refusal::Store(error)),
        }
    }
}
