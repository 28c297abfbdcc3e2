//! The loop that stores the ends of attempts in batches.

use std::time::Duration;

use ::store::BoxFuture;
use resilience::Backoff;
use tokio::sync::mpsc;

use crate::error::WorkError;
use crate::job::MAX_BATCH;
use crate::job::claimed::Held;
use crate::job::finish::{Failure, FailureKind, Finished};
use crate::job::store::JobStore;
use crate::worker::queue::Queue;
use crate::worker::stats::Stats;

/// Waits before an end is stored again.
const AGAIN: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));

/// The end of an attempt.
#[derive(Debug)]
pub(crate) enum End {
    Completed(Held),
    Failed(Failure),
}

/// Stores ends until the last sender is gone. While one batch is stored the next one collects.
pub(crate) async fn run(queue: &Queue, mut ends: mpsc::Receiver<End>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while ends.recv_many(&mut batch, MAX_BATCH).await > 0 {
        store(queue, batch.drain(..)).await;
    }
}

/// Stores a batch of ends, until it is stored or the leases are lost.
pub(crate) async fn store(queue: &Queue, ends: impl Iterator<Item = End>) {
    let (mut completed, mut failed) = (Vec::new(), Vec::new());
    for end in ends {
        match end {
            End::Completed(held) => completed.push(held),
            End::Failed(failure) => failed.push(failure),
        }
    }
    completed.sort_unstable_by_key(|held| held.id);
    failed.sort_unstable_by_key(|failure| failure.held.id);
    repeat(queue, completed, |held| *held, |jobs, held| Box::pin(jobs.complete(held))).await;
    log(queue, &failed);
    repeat(queue, failed, |failure| failure.held, |jobs, failed| Box::pin(jobs.fail(failed))).await;
}

/// An operation on a batch of ends.
type Operation<T> = for<'a> fn(&'a JobStore, &'a [T]) -> BoxFuture<'a, Result<Finished, WorkError>>;

/// Repeats an operation while it may succeed and the attempts are held: heartbeats go on until then.
async fn repeat<T>(queue: &Queue, mut ends: Vec<T>, held: fn(&T) -> Held, operation: Operation<T>) {
    let all: Vec<Held> = ends.iter().map(held).collect();
    let mut failures = 0;
    while !ends.is_empty() {
        match operation(&queue.jobs, &ends).await {
            Ok(finished) => {
                count(queue, &finished, ends.len());
                break;
            }
            Err(error @ (WorkError::Retry(_) | WorkError::Unknown(_))) => {
                tracing::warn!(queue = %queue.name, %error, "the ends of jobs could not be stored; trying again");
                Stats::add(&queue.stats.errors, 1);
                tokio::time::sleep(AGAIN.wait(failures)).await;
                failures = failures.saturating_add(1);
                let before = ends.len();
                ends.retain(|end| queue.in_flight.is_held(held(end)));
                Stats::add(&queue.stats.lost, before - ends.len());
            }
            Err(error) => {
                // Their leases end, and they are claimed again.
                tracing::error!(queue = %queue.name, %error, jobs = ends.len(), "the ends of jobs were refused");
                Stats::add(&queue.stats.errors, 1);
                break;
            }
        }
    }
    queue.in_flight.remove(all);
}

fn count(queue: &Queue, finished: &Finished, sent: usize) {
    let stats = &queue.stats;
    Stats::add(&stats.completed, finished.completed.len());
    Stats::add(&stats.retried, finished.retried.len());
    Stats::add(&stats.died, finished.dead.len());
    Stats::add(&stats.cancelled, finished.cancelled.len());
    Stats::add(&stats.stale, sent.saturating_sub(finished.count()));
}

fn log(queue: &Queue, failed: &[Failure]) {
    for failure in failed {
        let (job, error) = (failure.held.id, &failure.error);
        match failure.kind {
            FailureKind::Retry(_) => tracing::warn!(queue = %queue.name, job, %error, "an attempt of a job failed"),
            FailureKind::Dead(reason) => {
                tracing::error!(queue = %queue.name, job, reason, %error, "a job is given up: it becomes a dead letter");
            }
            _ => {}
        }
    }
}
