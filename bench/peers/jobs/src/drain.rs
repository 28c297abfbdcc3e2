//! Drains: all jobs of the queue, by loops of the operations or by workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use evenkeel_work::job::{ClaimRequest, Held};
use evenkeel_work::{Job, JobContext, JobError, JobStore, QueueRules, WorkError, Workers, take};
use store::{Isolation, Store, args};
use supervision::StopSource;
use vitals::Registry;

use crate::{BATCH, Failed, Note, Run};

/// Loops that claim and complete.
const LOOPS: usize = 3;
/// Handlers at once.
const CONCURRENCY: usize = 500;
/// The same where each has a transaction.
const TRANSACTIONS: usize = 16;
const EFFECT: &str = "INSERT INTO effects (message_id) SELECT * FROM unnest($1::TEXT[])";

#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// A claim and a completion, a transaction each.
    Lease,
    /// One transaction, whose effect is empty.
    Once,
    /// One transaction, whose effect is a row for each job.
    OnceWithEffect,
}

/// Drains the queue.
pub(crate) async fn all(store: &Store, mode: Mode) -> Result<(), Failed> {
    some(store, mode, u64::MAX).await
}

/// Drains so many jobs from the front.
pub(crate) async fn some(store: &Store, mode: Mode, jobs: u64) -> Result<(), Failed> {
    let left = Arc::new(AtomicI64::new(i64::try_from(jobs).unwrap_or(i64::MAX)));
    let loops = (0..LOOPS).map(|_| {
        let (store, left) = (store.clone(), left.clone());
        tokio::spawn(async move {
            let mut request = ClaimRequest::new(Note::QUEUE, vec![Note::KIND.to_owned()], BATCH);
            while left.fetch_sub(BATCH as i64, Ordering::Relaxed) > 0 {
                let count = match mode {
                    Mode::Lease => lease(&store, &mut request).await?,
                    Mode::Once => once(&store, &mut request, false).await?,
                    Mode::OnceWithEffect => once(&store, &mut request, true).await?,
                };
                if count == 0 {
                    break;
                }
            }
            Ok::<_, WorkError>(())
        })
    });
    for one in loops.collect::<Vec<_>>() {
        one.await??;
    }
    Ok(())
}

async fn lease(store: &Store, request: &mut ClaimRequest) -> Result<usize, WorkError> {
    let jobs = JobStore::new(store);
    let claimed = jobs.claim(request).await?;
    request.floors.raise(&claimed);
    let held: Vec<Held> = claimed.iter().map(|job| job.held).collect();
    Ok(jobs.complete(&held).await?.count())
}

async fn once(store: &Store, request: &mut ClaimRequest, with_effect: bool) -> Result<usize, WorkError> {
    let asked = request.clone();
    let jobs = store
        .write_at(Isolation::ReadCommitted, |tx| {
            let asked = asked.clone();
            Box::pin(async move {
                let jobs = take(tx, &asked).await?;
                if with_effect {
                    let ids: Vec<String> = jobs.iter().map(|job| job.message_id.clone()).collect();
                    tx.execute(EFFECT, args![ids]).await?;
                }
                Ok::<_, WorkError>(jobs)
            })
        })
        .await?;
    request.floors.raise(&jobs);
    Ok(jobs.len())
}

/// Runs workers until so many jobs are done.
pub(crate) async fn workers(store: &Store, jobs: u64, in_transactions: bool) -> Result<Run, Failed> {
    let done = Arc::new(AtomicU64::new(0));
    let count = done.clone();
    let workers = if in_transactions {
        let rules = |rules: QueueRules| rules.concurrency(TRANSACTIONS);
        Workers::new(store).queue(Note::QUEUE, rules).handle_in_transaction(move |_tx, _note: Arc<Note>, _context| {
            count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        })
    } else {
        let rules = |rules: QueueRules| rules.concurrency(CONCURRENCY);
        Workers::new(store).queue(Note::QUEUE, rules).handle(move |_: Note, _: JobContext| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, JobError>(()) }
        })
    };
    let source = StopSource::new();
    let stop = source.listen();
    let (wal, begun) = (crate::wal(store).await?, Instant::now());
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
    while done.load(Ordering::Relaxed) < jobs {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    source.request();
    task.await?;
    Ok(Run { rate: jobs as f64 / took, wal: (crate::wal(store).await? - wal) as f64 / jobs as f64 })
}
