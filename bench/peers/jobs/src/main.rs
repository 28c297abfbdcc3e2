//! Measures background jobs on a PostgreSQL of its own, beside other queues on the same server, and prints the rows of a table.
//!
//! usage: jobs [JOBS [BACKLOG]], from the root of the repository; 200,000 jobs and a backlog of a million without them.

mod drain;
mod latency;
mod peers;
mod snapshot;

use std::time::{Duration, Instant};

use evenkeel_work::{Job, WorkError, enqueue_all};
use serde::{Deserialize, Serialize};
use store::testing::PrivatePostgres;
use store::{Isolation, Migration, Migrations, Options, Store, StoreError, args};

use crate::drain::Mode;
use crate::snapshot::Snapshot;

/// Jobs of a drain, unless the command line says another number.
const JOBS: u64 = 200_000;
/// Jobs that wait in the drains with a backlog.
const BACKLOG: u64 = 1_000_000;
/// Rounds of each drain, in turn with the others; the table has the median.
const ROUNDS: usize = 3;
/// Jobs of a drain for each job of the drains that are slower by far.
const SHARE: u64 = 10;
/// Jobs in one statement.
const BATCH: usize = 500;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[derive(Serialize, Deserialize)]
struct Note {
    n: u64,
}
impl Job for Note {
    const KIND: &'static str = "note";
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failed> {
    let mut numbers = std::env::args().skip(1).map(|text| {
        text.parse::<u64>().map_err(|error| format!("JOBS and BACKLOG are numbers, and not {text:?}: {error}"))
    });
    let jobs = numbers.next().transpose()?.unwrap_or(JOBS);
    let backlog = numbers.next().transpose()?.unwrap_or(BACKLOG);
    let postgres = PrivatePostgres::start_with_settings(&["shared_buffers=1GB", "max_wal_size=8GB"]);
    let mut options = Options::default();
    // The held snapshot of a scenario is older than the default allows.
    options.idle_in_transaction_timeout = Duration::from_secs(600);
    let store = Store::open(&postgres.url(), options).await?;
    let effects = Migration::both(1, "effects", "CREATE TABLE effects (message_id TEXT NOT NULL)");
    store.migrate(&evenkeel_work::add_schema(Migrations::new(vec![effects]))).await?;

    // Warms the connections and the plans up.
    fill(&store, jobs / SHARE).await?;
    drain::all(&store, Mode::Lease).await?;
    let scenarios = [("lease", Mode::Lease), ("exactly once", Mode::Once), ("exactly once, with a row for each job", Mode::OnceWithEffect)];
    let mut runs: Vec<Vec<Run>> = scenarios.iter().map(|_| Vec::new()).collect();
    let mut held: Vec<Vec<Run>> = scenarios.iter().map(|_| Vec::new()).collect();
    let mut enqueues = Vec::new();
    for _ in 0..ROUNDS {
        for (place, (_, mode)) in scenarios.iter().enumerate() {
            enqueues.push(measured(&store, jobs, fill(&store, jobs)).await?);
            runs[place].push(measured(&store, jobs, drain::all(&store, *mode)).await?);
            fill(&store, jobs).await?;
            let snapshot = Snapshot::hold(&store).await?;
            held[place].push(measured(&store, jobs, drain::all(&store, *mode)).await?);
            drop(snapshot);
            vacuum(&store).await?;
        }
    }
    tell("enqueue, 500 in a transaction", &mut enqueues);
    for (place, (name, _)) in scenarios.iter().enumerate() {
        tell(&format!("{name}, batches of 500"), &mut runs[place]);
        tell(&format!("{name}, with an old snapshot held open"), &mut held[place]);
    }

    if backlog > 0 {
        fill(&store, backlog).await?;
        let some = jobs.min(backlog);
        let mut run = vec![measured(&store, some, drain::some(&store, Mode::Lease, some)).await?];
        tell(&format!("lease, the first of a backlog of {backlog}"), &mut run);
        let snapshot = Snapshot::hold(&store).await?;
        let mut run = vec![measured(&store, some, drain::some(&store, Mode::Lease, some)).await?];
        tell("the same, with an old snapshot held open", &mut run);
        drop(snapshot);
        let empty: Result<u64, StoreError> =
            store.write(|tx| Box::pin(async move { tx.execute("DELETE FROM evenkeel_job", args![]).await })).await;
        empty?;
        vacuum(&store).await?;
    }

    let few = (jobs / SHARE).max(1);
    fill(&store, jobs).await?;
    tell("workers, handlers that do nothing, concurrency 500", &mut vec![drain::workers(&store, jobs, false).await?]);
    fill(&store, few).await?;
    tell("workers, a transaction for each job, concurrency 16", &mut vec![drain::workers(&store, few, true).await?]);
    latency::report(&store, jobs).await?;
    peers::report(&postgres.url_text(), jobs)
}

/// Jobs a second, and bytes of the write-ahead log a job.
#[derive(Clone, Copy)]
struct Run {
    rate: f64,
    wal: f64,
}

/// Prints the median of the runs, and their range where there are several.
fn tell(what: &str, runs: &mut Vec<Run>) {
    runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    let (Some(least), Some(most), Some(median)) = (runs.first(), runs.last(), runs.get(runs.len() / 2)) else { return };
    let range = if runs.len() > 1 { format!(" ({:.0} to {:.0})", least.rate, most.rate) } else { String::new() };
    println!("| {what} | {:.0} jobs/s{range} | {:.0} bytes of WAL a job |", median.rate, median.wal);
}

/// Measures work on so many jobs.
async fn measured<T>(store: &Store, jobs: u64, work: impl Future<Output = Result<T, Failed>>) -> Result<Run, Failed> {
    let wal = wal(store).await?;
    let begun = Instant::now();
    work.await?;
    let time = begun.elapsed().as_secs_f64();
    Ok(Run { rate: jobs as f64 / time, wal: (self::wal(store).await? - wal) as f64 / jobs as f64 })
}

/// The bytes of the write-ahead log since the server was made.
async fn wal(store: &Store) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(pg_current_wal_insert_lsn() - '0/0' AS BIGINT) AS bytes";
    store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.get("bytes") })).await
}

/// Adds jobs.
async fn fill(store: &Store, jobs: u64) -> Result<(), Failed> {
    for first in (0..jobs).step_by(BATCH) {
        let last = jobs.min(first + BATCH as u64);
        let added: Result<(), WorkError> = store
            .write_at(Isolation::ReadCommitted, |tx| {
                let jobs = (first..last).map(|n| Note { n }.job());
                Box::pin(async move { enqueue_all(tx, jobs).await.map(drop) })
            })
            .await;
        added?;
    }
    let analyzed: Result<u64, StoreError> =
        store.write(|tx| Box::pin(async move { tx.execute("ANALYZE evenkeel_job", args![]).await })).await;
    analyzed?;
    Ok(())
}

/// Frees the space of deleted jobs, which the autovacuum would do a moment later.
async fn vacuum(store: &Store) -> Result<(), StoreError> {
    store.write(|tx| Box::pin(async move { tx.execute("TRUNCATE evenkeel_job, effects", args![]).await.map(drop) })).await
}
