//! Workers for tests: jobs that run when the test says so, or without a database row.
//!
//! Cancel-safe like [`Workers::run`]; work of a handler ends at its next await.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Refusal, WorkError};
use crate::job::attempt::Attempt;
use crate::job::claimed::{ClaimedJob, Held};
use crate::job::context::JobContext;
use crate::job::lease::ClaimRequest;
use crate::job::{Job, MAX_BATCH};
use crate::worker::Workers;
use crate::worker::execution;
use crate::worker::handlers::{HandlerEnd, Mode};
use crate::worker::{collector, queue::Queue};

/// Maximum number of attempts of one [`Workers::run_until_idle`].
pub const MAX_MANUAL: usize = 10_000;

/// The attempts of one [`Workers::run_until_idle`], by their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Jobs that are done.
    pub completed: u64,
    /// Attempts that failed and are repeated later.
    pub retried: u64,
    /// Jobs that became dead letters.
    pub dead: u64,
    /// Ends that were refused because the job had been claimed again.
    pub stale: u64,
}

impl Workers {
    /// Runs the jobs that may start now, one after the other, and those that they enqueue, until there are none or [`MAX_MANUAL`] have run.
    /// Retries and scheduled jobs start no earlier than otherwise. For tests, and for programs that end when the work is done.
    ///
    /// # Errors
    /// The store's. Failures of handlers are in the report.
    pub async fn run_until_idle(&self) -> Result<Report, WorkError> {
        let mut report = Report::default();
        let queues: Vec<Arc<Queue>> =
            self.queues().into_iter().map(|(name, rules)| self.start(name, rules, &self.jobs)).collect();
        let mut left = MAX_MANUAL;
        loop {
            let before = left;
            for queue in &queues {
                left -= claim_and_run(queue, left).await?;
            }
            if left == before || left == 0 {
                break;
            }
        }
        for queue in &queues {
            use std::sync::atomic::Ordering::Relaxed;
            report.completed += queue.stats.completed.load(Relaxed);
            report.retried += queue.stats.retried.load(Relaxed);
            report.dead += queue.stats.died.load(Relaxed);
            report.stale += queue.stats.stale.load(Relaxed);
        }
        Ok(report)
    }

    /// Runs a handler with a value that is in no row, once. For tests of handlers.
    ///
    /// # Errors
    /// [`WorkError::Refused`] when there is no handler, or with the error of the handler.
    pub async fn run_inline<J: Job>(&self, job: &J) -> Result<(), WorkError> {
        let kind = || J::KIND.to_owned();
        let handler = self.handlers.get(J::KIND).ok_or_else(|| Refusal::NoHandler { kind: kind() })?;
        let payload = serde_json::to_string(job).map_err(|cause| Refusal::Payload { kind: kind(), cause })?;
        let claimed = ClaimedJob::inline(J::KIND, payload);
        let attempt = Arc::new(Attempt::new(claimed.held, Instant::now()));
        match handler(JobContext::new(claimed, J::QUEUE.into(), attempt), Mode::Inline).await {
            HandlerEnd::Done | HandlerEnd::Committed => Ok(()),
            HandlerEnd::Stale => Err(Refusal::Failed { kind: kind(), reason: "the job is gone".to_owned() }.into()),
            HandlerEnd::Failed(error) => Err(Refusal::Failed { kind: kind(), reason: error.text }.into()),
        }
    }
}

impl ClaimedJob {
    /// A job that is in no row.
    fn inline(kind: &str, payload: String) -> Self {
        Self {
            held: Held { id: 0, fence: 0 },
            message_id: vitals::new_id("msg"),
            kind: kind.to_owned(),
            priority: 0,
            run_at: 0,
            is_ordered: false,
            attempt: 1,
            max_attempts: 1,
            redrives: 0,
            payload,
            trace: None,
            deadline_in: None,
            waited: Duration::ZERO,
        }
    }
}

/// Claims one batch and runs it; returns the number of attempts.
async fn claim_and_run(queue: &Queue, at_most: usize) -> Result<usize, WorkError> {
    let mut request = ClaimRequest::new(&*queue.name, queue.handlers.kinds(), at_most.min(MAX_BATCH));
    request.lease = queue.rules.lease;
    request.owner.clone_from(&queue.owner);
    let jobs = queue.jobs.claim(&mut request).await?;
    let count = jobs.len();
    for job in jobs {
        let attempt = queue.in_flight.add(job.held, Instant::now() + queue.rules.trusted());
        if let Some(end) = execution::end_of(queue, job, &attempt).await {
            collector::store(queue, std::iter::once(end)).await;
        }
    }
    Ok(count)
}
