//! Takes jobs out of their queue in the caller's transaction: exactly once, a batch a transaction, without a lease.

use ::store::{Transaction, args};

use super::claimed::ClaimedJob;
use super::finish::forget_errors;
use super::lease::ClaimRequest;
use super::{MAX_BATCH, PRIORITIES};
use crate::error::WorkError;
use crate::statement::{Statement, statement};

const TAKE: Statement = statement!("take");

/// Deletes ready jobs in the transaction and returns them, in the order of their priority and start: they are done when it commits, and ready as
/// before when it does not. What the caller writes in the same transaction takes effect once for each job, and needs neither a lease nor a fence.
///
/// Of the request count the queue, the kinds, the limit and the floors. Raise the floors with the jobs of a transaction that was committed, as
/// [`Floors`](super::Floors) says. The level [`ReadCommitted`](store::Isolation::ReadCommitted) is enough: the rows are locked.
///
/// Jobs with an order key, those past their deadline and those of a paused or limited queue stay. A transaction that fails gives its jobs back without a counted attempt:
/// when one job of a batch cannot be done, run [`Workers`](crate::Workers) or [`JobStore::claim`](crate::JobStore::claim) over the queue,
/// which count attempts and end in a dead letter. Keep the transaction short; it holds its rows until it ends.
///
/// # Errors
/// The store's.
///
/// Cancel-safe: a transaction that is dropped takes nothing.
pub async fn take(tx: &mut Transaction, request: &ClaimRequest) -> Result<Vec<ClaimedJob>, WorkError> {
    let limit = request.limit.min(MAX_BATCH);
    if limit == 0 || request.kinds.is_empty() {
        return Ok(Vec::new());
    }
    let engine = tx.engine();
    let (starts, ids) = request.floors.columns();
    let values = args![
        &request.queue,
        limit,
        (0..i64::from(PRIORITIES)).collect::<Vec<_>>(),
        starts,
        ids,
        request.kinds.clone(),
    ];
    let mut jobs = ClaimedJob::read_all(tx.fetch_all(TAKE.on(engine), values).await?, engine)?;
    let again = jobs.iter().filter(|job| job.attempt > 1).map(|job| job.message_id.clone()).collect();
    forget_errors(tx, again).await?;
    jobs.sort_by_key(|job| (job.priority, job.run_at, job.held.id));
    Ok(jobs)
}
