//! A load of jobs, workers that do it, and the check that follows a fault: nothing is lost, nothing in a transaction is doubled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel_work::{Job, JobContext, JobError, QueueRules, WorkError, Workers, enqueue_all};
use serde::{Deserialize, Serialize};
use store::{Migration, Migrations, Options, Store, StoreError, StoreUrl, args};
use supervision::StopSource;
use vitals::Registry;

/// Maximum time of one step, on a machine that is busy with others.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The lease of the workers; a worker that was cut off for longer has lost its jobs.
pub(crate) const LEASE: Duration = Duration::from_millis(900);

/// A job whose effect is in its transaction.
#[derive(Serialize, Deserialize)]
pub(crate) struct Exact {
    pub(crate) n: i64,
}
impl Job for Exact {
    const KIND: &'static str = "exact";
    // Each fault may cost an attempt.
    const MAX_ATTEMPTS: u16 = 1_000;
}

/// A job whose effect is in a transaction of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct AtLeast {
    n: i64,
}
impl Job for AtLeast {
    const KIND: &'static str = "at least";
    const MAX_ATTEMPTS: u16 = 1_000;
}

const INSERT: &str = "INSERT INTO effects (kind, n) VALUES ($1, $2)";

/// Opens a database with the tables of jobs and a table of effects.
pub(crate) async fn open(url: &StoreUrl, options: Options) -> Store {
    let store = Store::open(url, options).await.unwrap();
    let schema = "CREATE TABLE effects (kind TEXT NOT NULL, n BIGINT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "effects", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    store
}

/// Enqueues `jobs` of each kind, in one transaction for each fifty.
pub(crate) async fn enqueue(store: &Store, jobs: i64) {
    for first in (0..jobs).step_by(50) {
        let numbers = first..(first + 50).min(jobs);
        let enqueued: Result<(), WorkError> = store
            .write(|tx| {
                let numbers = numbers.clone();
                Box::pin(async move {
                    enqueue_all(tx, numbers.clone().map(|n| Exact { n }.job())).await?;
                    enqueue_all(tx, numbers.map(|n| AtLeast { n }.job())).await.map(drop)
                })
            })
            .await;
        enqueued.unwrap();
    }
}

/// Workers of both kinds.
pub(crate) fn workers(store: &Store) -> Workers {
    let other = store.clone();
    let backoff = resilience::Backoff::new(Duration::from_millis(1), Duration::from_millis(20));
    let quick =
        move |rules: QueueRules| rules.poll(Duration::from_millis(5)).lease(LEASE).backoff(backoff).concurrency(4);
    Workers::new(store)
        .queue("default", quick)
        .handle_in_transaction(|tx, job: Arc<Exact>, _context| {
            Box::pin(async move { Ok(tx.execute(INSERT, args!["exact", job.n]).await.map(drop)?) })
        })
        .handle(move |job: AtLeast, _context: JobContext| {
            let store = other.clone();
            async move {
                let written =
                    store.write(|tx| Box::pin(async move { tx.execute(INSERT, args!["at least", job.n]).await }));
                written.await.map(drop).map_err(|error: StoreError| JobError::from(error))
            }
        })
}

/// Workers that run until they are dropped or stopped.
pub(crate) struct Running {
    source: StopSource,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(store: &Store) -> Self {
        let (source, workers) = (StopSource::new(), workers(store));
        let stop = source.listen();
        let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
        Self { source, task }
    }

    pub(crate) async fn stop(self) {
        self.source.request();
        self.task.await.unwrap();
    }
}

/// Reads a number, also while the database has faults; none when it does not answer.
pub(crate) async fn number(store: &Store, sql: &'static str) -> Option<i64> {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) }));
    read.await.map_err(|error: StoreError| error).ok()
}

/// Runs a statement.
pub(crate) async fn run(store: &Store, sql: &'static str) -> Result<u64, StoreError> {
    store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await
}

/// The number of live jobs; none while the database does not answer.
pub(crate) async fn live(store: &Store) -> Option<i64> {
    number(store, "SELECT COUNT(*) FROM evenkeel_job").await
}

/// Waits until all work is done, and checks the effects: W1, W2, W3 and W17.
pub(crate) async fn all_done_once(store: &Store, jobs: i64, fault: &str) {
    let begun = Instant::now();
    while live(store).await != Some(0) {
        assert!(begun.elapsed() < PATIENCE, "{fault}: work is left after the last fault");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (sql, what) in [
        ("SELECT COUNT(*) FROM effects WHERE kind = 'exact'", "an effect in the transaction of its job happens once"),
        ("SELECT COUNT(DISTINCT n) FROM effects WHERE kind = 'exact'", "no job with a transaction is lost"),
        ("SELECT COUNT(DISTINCT n) FROM effects WHERE kind = 'at least'", "no job without a transaction is lost"),
    ] {
        assert_eq!(number(store, sql).await, Some(jobs), "{fault}: {what}");
    }
    assert_eq!(number(store, "SELECT COUNT(*) FROM evenkeel_dead").await, Some(0), "{fault}: no dead letter");
}
