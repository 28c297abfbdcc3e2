//! Measures background jobs on a PostgreSQL of its own, beside procrastinate on the same server, and prints the rows of a table.
//!
//! usage: jobs [JOBS], from the root of the repository; 100,000 jobs without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evenkeel_work::job::{ClaimRequest, Held};
use evenkeel_work::{Job, JobContext, JobError, JobStore, QueueRules, WorkError, Workers, enqueue, enqueue_all};
use serde::{Deserialize, Serialize};
use store::testing::PrivatePostgres;
use store::{Migrations, Options, Store, StoreError, args};
use supervision::StopSource;
use tokio::sync::mpsc;
use vitals::Registry;

/// Jobs of a drain, unless the command line says another number.
const JOBS: u64 = 100_000;
/// Jobs of a drain for each job with a transaction of its own.
const EXACT_SHARE: u64 = 10;
/// Jobs of the drain for each job of the peer.
const PEER_SHARE: u64 = 10;
/// The Python of the peers, which `.ci/peers` makes.
const PYTHON: &str = "target/peers/python/bin/python";
/// The program that measures the peer.
const PEER: &str = "bench/peers/jobs/procrastinate_peer.py";
/// Jobs in one statement.
const BATCH: usize = 500;
/// Loops that claim and complete.
const LOOPS: usize = 4;
/// Jobs of the latency, one after the other.
const SAMPLES: usize = 500;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[derive(Serialize, Deserialize)]
struct Note {
    n: u64,
}
impl Job for Note {
    const KIND: &'static str = "note";
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let jobs = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|error| format!("JOBS is a number, and not {text:?}: {error}"))?,
        None => JOBS,
    };
    let exact = (jobs / EXACT_SHARE).max(1);
    let postgres = PrivatePostgres::start();
    let mut options = Options::default();
    // The held snapshot of a scenario is older than the default allows.
    options.idle_in_transaction_timeout = Duration::from_secs(600);
    let store = Store::open(&postgres.url(), options).await?;
    store.migrate(&evenkeel_work::add_schema(Migrations::default())).await?;

    let (filled, enqueued) = timed(fill(&store, jobs)).await?;
    row("enqueue, 500 in a transaction", rate(jobs, enqueued), "jobs/s");
    let ((), drained) = timed(drain(&store)).await?;
    row("claim and complete, 4 loops, batches of 500", rate(filled, drained), "jobs/s");

    fill(&store, jobs).await?;
    let pinned = Pinned::hold(&store).await?;
    let ((), drained) = timed(drain(&store)).await?;
    row("the same, with an old snapshot held open", rate(jobs, drained), "jobs/s");
    drop(pinned);

    fill(&store, jobs).await?;
    row("workers, handlers that do nothing, concurrency 500", rate(jobs, work(&store, jobs, false).await?), "jobs/s");
    fill(&store, exact).await?;
    row("workers, a transaction for each job, concurrency 16", rate(exact, work(&store, exact, true).await?), "jobs/s");

    let mut waits = latency(&store).await?;
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    row("enqueue to start, one job at a time, p50", at(0.5), "ms");
    row("enqueue to start, one job at a time, p99", at(0.99), "ms");
    peer(&postgres.url_text(), (jobs / PEER_SHARE).max(1))
}

/// Measures the peer on the same server, and passes its rows on. Without its packages it is left out, and a row says so.
fn peer(address: &str, jobs: u64) -> Result<(), Failed> {
    if !std::path::Path::new(PYTHON).exists() {
        println!("| procrastinate | not measured: `sh .ci/peers pypi:procrastinate==3.10.0 pypi:psycopg-binary==3.3.9` installs it |");
        return Ok(());
    }
    let status = std::process::Command::new(PYTHON).args([PEER, address, &jobs.to_string()]).status()?;
    if status.success() { Ok(()) } else { Err(format!("{PEER} failed: {status}").into()) }
}

fn row(what: &str, value: f64, unit: &str) {
    let digits = usize::from(value < 100.0) * 2;
    println!("| {what} | {value:.digits$} {unit} |");
}

fn rate(jobs: u64, time: Duration) -> f64 {
    jobs as f64 / time.as_secs_f64()
}

async fn timed<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<(T, Duration), Failed> {
    let begun = Instant::now();
    let done = work.await?;
    Ok((done, begun.elapsed()))
}

/// Adds jobs; returns their number.
async fn fill(store: &Store, jobs: u64) -> Result<u64, Failed> {
    for first in (0..jobs).step_by(BATCH) {
        let last = jobs.min(first + BATCH as u64);
        let added: Result<(), WorkError> = store
            .write(|tx| {
                let jobs = (first..last).map(|n| Note { n }.job());
                Box::pin(async move { enqueue_all(tx, jobs).await.map(drop) })
            })
            .await;
        added?;
    }
    let vacuum: Result<u64, StoreError> =
        store.write(|tx| Box::pin(async move { tx.execute("ANALYZE evenkeel_job", args![]).await })).await;
    vacuum?;
    Ok(jobs)
}

/// Claims and completes all jobs.
async fn drain(store: &Store) -> Result<(), Failed> {
    let loops = (0..LOOPS).map(|_| {
        let jobs = JobStore::new(store);
        tokio::spawn(async move {
            let mut request = ClaimRequest::new(Note::QUEUE, vec![Note::KIND.to_owned()], BATCH);
            loop {
                let claimed = jobs.claim(&mut request).await?;
                if claimed.is_empty() {
                    return Ok::<_, WorkError>(());
                }
                request.floors.raise(&claimed);
                let held: Vec<Held> = claimed.iter().map(|job| job.held).collect();
                jobs.complete(&held).await?;
            }
        })
    });
    for one in loops.collect::<Vec<_>>() {
        one.await??;
    }
    Ok(())
}

/// Runs workers until so many jobs are done; returns the time.
async fn work(store: &Store, jobs: u64, exactly_once: bool) -> Result<Duration, Failed> {
    let done = Arc::new(AtomicU64::new(0));
    let count = done.clone();
    let workers = if exactly_once {
        let rules = |rules: QueueRules| rules.concurrency(16);
        Workers::new(store).queue(Note::QUEUE, rules).handle_in_transaction(move |_tx, _note: Arc<Note>, _context| {
            count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        })
    } else {
        let rules = |rules: QueueRules| rules.concurrency(500);
        Workers::new(store).queue(Note::QUEUE, rules).handle(move |_: Note, _: JobContext| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, JobError>(()) }
        })
    };
    let source = StopSource::new();
    let stop = source.listen();
    let begun = Instant::now();
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
    while done.load(Ordering::Relaxed) < jobs {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = begun.elapsed();
    source.request();
    task.await?;
    Ok(took)
}

/// The times from the begin of an enqueueing transaction to the start of the handler.
async fn latency(store: &Store) -> Result<Vec<Duration>, Failed> {
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
    let mut waits = Vec::with_capacity(SAMPLES);
    for n in 0..SAMPLES as u64 {
        // An idle system: the last claim is over.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begun = Instant::now();
        let added: Result<_, WorkError> = store.write(|tx| Box::pin(async move { enqueue(tx, &Note { n }).await })).await;
        added?;
        let start = starts.recv().await.ok_or("the workers have ended")?;
        waits.push(start.saturating_duration_since(begun));
    }
    source.request();
    task.await?;
    Ok(waits)
}

/// A transaction that keeps its snapshot until it is dropped.
struct Pinned(tokio::task::JoinHandle<Result<(), StoreError>>);

impl Pinned {
    async fn hold(store: &Store) -> Result<Self, Failed> {
        let (store, held) = (store.clone(), Arc::new(tokio::sync::Notify::new()));
        let is_held = held.clone();
        let task = tokio::spawn(async move {
            let pinned = store.read(|tx| {
                let held = held.clone();
                Box::pin(async move {
                    tx.fetch_one("SELECT COUNT(*) FROM evenkeel_job", args![]).await?;
                    held.notify_one();
                    std::future::pending::<Result<(), StoreError>>().await
                })
            });
            pinned.await
        });
        is_held.notified().await;
        Ok(Self(task))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.abort();
    }
}
