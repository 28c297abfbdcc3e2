//! The context of a handler.

use std::sync::Arc;

use super::attempt::Attempt;
use super::claimed::{ClaimedJob, Held};

/// Maximum length of a progress text in bytes.
const MAX_PROGRESS: usize = 1_000;

/// The job that a handler works on: its ids, its attempt, its progress. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobContext {
    job: Arc<ClaimedJob>,
    queue: Arc<str>,
    pub(crate) attempt: Arc<Attempt>,
}

impl JobContext {
    pub(crate) fn new(job: ClaimedJob, queue: Arc<str>, attempt: Arc<Attempt>) -> Self {
        Self { job: Arc::new(job), queue, attempt }
    }

    /// The id of the row.
    pub fn id(&self) -> i64 {
        self.job.held.id
    }

    /// The id and the fence. Pass the fence to a resource that refuses lower ones.
    pub fn held(&self) -> Held {
        self.job.held
    }

    /// The id of the message: the same in all attempts, and after a dead letter was redriven. Use it as idempotency key of calls to others.
    pub fn message_id(&self) -> &str {
        &self.job.message_id
    }

    /// The queue.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.job.kind
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.job.attempt
    }

    /// Returns true if a failure makes the job a dead letter.
    pub fn is_last_attempt(&self) -> bool {
        self.job.attempt >= self.job.max_attempts
    }

    /// The number of times that the job was redriven from the dead letters.
    pub fn redrives(&self) -> u32 {
        self.job.redrives
    }

    /// The `traceparent` of the work that caused the job.
    pub fn trace(&self) -> Option<&str> {
        self.job.trace.as_deref()
    }

    /// Reports the progress of a long job, such as `3200 of 10000 rows`: at most 1,000 bytes, stored with the next heartbeat.
    pub fn progress(&self, text: impl Into<String>) {
        let mut text = text.into();
        text.truncate(text.floor_char_boundary(MAX_PROGRESS));
        self.attempt.set_progress(text);
    }

    pub(crate) fn payload(&self) -> &str {
        &self.job.payload
    }
}
