//! The loop that ends attempts whose lease is over, on any node, and reads the depth of the queue.

use std::time::Duration;

use crate::error::WorkError;
use crate::worker::queue::Queue;
use crate::worker::stats::Stats;

/// Longest wait between two looks for leases that are over; each process looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two readings of the depth.
const DEPTH_EVERY: u32 = 5;
/// Looks between two purges of dead letters.
const PURGE_EVERY: u32 = 600;

/// Looks for ever.
pub(crate) async fn run(queue: &Queue) {
    let look = LOOK.min(queue.rules.lease / 2);
    for number in 0_u32.. {
        if let Err(error) = round(queue, number).await {
            tracing::warn!(queue = %queue.name, %error, "a look for leases that are over failed; the next one tries again");
            Stats::add(&queue.stats.errors, 1);
        }
        // Half of it early or late, so that processes that start together do not look together.
        tokio::time::sleep(look.mul_f64(0.5 + vitals::random_fraction())).await;
    }
}

async fn round(queue: &Queue, number: u32) -> Result<(), WorkError> {
    let ended = queue.jobs.end_expired(&queue.name, queue.rules.backoff).await?;
    if ended.count() > 0 {
        let (again, dead) = (ended.retried.len(), ended.dead.len());
        tracing::warn!(queue = %queue.name, again, dead, "leases were over: their jobs are ready again, or dead letters");
    }
    Stats::add(&queue.stats.expired, ended.count());
    Stats::add(&queue.stats.died, ended.dead.len());
    if number.is_multiple_of(DEPTH_EVERY) {
        queue.stats.set_depth(queue.jobs.depth(&queue.name).await?);
    }
    if number % PURGE_EVERY == PURGE_EVERY - 1 {
        let rules = &queue.rules;
        queue.jobs.purge_dead(&queue.name, rules.dead_retention, rules.dead_bound).await?;
    }
    Ok(())
}
