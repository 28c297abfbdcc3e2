//! Waits: from an enqueue to the start of its handler, and of an enqueue beside a drain.

use std::time::{Duration, Instant};

use evenkeel_work::{JobContext, JobError, WorkError, Workers, enqueue};
use store::{Isolation, Store};
use supervision::StopSource;
use tokio::sync::mpsc;
use vitals::Registry;

use crate::drain::{self, Mode};
use crate::snapshot::Snapshot;
use crate::{Failed, Note, fill};

/// Jobs of a measurement, one after the other.
const SAMPLES: u64 = 500;
/// Between two jobs: the last claim is over by then.
const BETWEEN: Duration = Duration::from_millis(20);

/// Prints the waits.
pub(crate) async fn report(store: &Store, jobs: u64) -> Result<(), Failed> {
    tell("enqueue to start, one job at a time", to_start(store).await?);
    let snapshot = Snapshot::hold(store).await?;
    tell("the same, with an old snapshot held open", to_start(store).await?);
    drop(snapshot);
    fill(store, jobs).await?;
    let (drained, store_of_drain) = (tokio::sync::Notify::new(), store.clone());
    let drain = async {
        let drained_all = drain::all(&store_of_drain, Mode::Lease).await;
        drained.notify_one();
        drained_all
    };
    let enqueues = async {
        let mut waits = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = drained.notified() => return Ok::<_, Failed>(waits),
                wait = enqueue_one(store, 0) => waits.push(wait?),
            }
        }
    };
    let ((), waits) = tokio::try_join!(drain, enqueues)?;
    tell(&format!("enqueue of one job beside a drain of {jobs}, {} of them", waits.len()), waits);
    Ok(())
}

fn tell(what: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let at = |share: f64| {
        let place = (waits.len().saturating_sub(1) as f64 * share) as usize;
        waits.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    println!("| {what} | p50 {:.2} ms, p99 {:.2} ms | |", at(0.5), at(0.99));
}

/// Adds a job; returns the time that it took.
async fn enqueue_one(store: &Store, n: u64) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let added: Result<_, WorkError> =
        store.write_at(Isolation::ReadCommitted, |tx| Box::pin(async move { enqueue(tx, &Note { n }).await })).await;
    added?;
    Ok(begun.elapsed())
}

/// The times from the begin of an enqueueing transaction to the start of the handler.
async fn to_start(store: &Store) -> Result<Vec<Duration>, Failed> {
    let (started, mut starts) = mpsc::channel(1);
    let workers = Workers::new(store).handle(move |_: Note, _: JobContext| {
        let started = started.clone();
        async move {
            let _ = started.send(Instant::now()).await;
            Ok::<_, JobError>(())
        }
    });
    let source = StopSource::new();
    let stop = source.listen();
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
    let mut waits = Vec::new();
    for n in 0..SAMPLES {
        tokio::time::sleep(BETWEEN).await;
        let begun = Instant::now();
        enqueue_one(store, n).await?;
        let start = starts.recv().await.ok_or("the workers have ended")?;
        waits.push(start.saturating_duration_since(begun));
    }
    source.request();
    task.await?;
    Ok(waits)
}
