//! Sessions of PostgreSQL that are terminated at random while workers run: after the last fault all work ends, and no effect is doubled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel_work::{Job, JobContext, QueueRules, WorkError, Workers, enqueue_all};
use serde::{Deserialize, Serialize};
use store::testing::FreshDatabase;
use store::{Migration, Migrations, Options, Store, StoreError, args};
use supervision::StopSource;
use vitals::Registry;

/// Maximum time of the test, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(60);
const JOBS: i64 = 60;
const ROUNDS: usize = 10;

#[derive(Serialize, Deserialize)]
struct Exact {
    n: i64,
}
impl Job for Exact {
    const KIND: &'static str = "exact";
    // Each fault may cost an attempt.
    const MAX_ATTEMPTS: u16 = 1_000;
}

async fn number(store: &Store, sql: &'static str) -> Result<i64, StoreError> {
    store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w17_work_ends_after_sessions_were_terminated_at_random_and_w3_no_effect_is_doubled() {
    let database = FreshDatabase::make();
    let store = Store::open(&database.url(), Options::default()).await.unwrap();
    let schema = "CREATE TABLE effects (n BIGINT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "effects", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    let enqueued: Result<(), WorkError> = store
        .write(|tx| Box::pin(async move { enqueue_all(tx, (0..JOBS).map(|n| Exact { n }.job())).await.map(drop) }))
        .await;
    enqueued.unwrap();

    let backoff = resilience::Backoff::new(Duration::from_millis(1), Duration::from_millis(20));
    let quick = move |rules: QueueRules| {
        rules.poll(Duration::from_millis(5)).lease(Duration::from_millis(900)).backoff(backoff).concurrency(4)
    };
    let workers = Workers::new(&store).queue("default", quick).handle_in_transaction(
        |tx, job: Arc<Exact>, _context: JobContext| {
            Box::pin(async move {
                tx.execute("INSERT INTO effects (n) VALUES ($1)", args![job.n]).await?;
                Ok(())
            })
        },
    );
    let source = StopSource::new();
    let stop = source.listen();
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });

    // All sessions of this database but the one that asks, again and again while there is work.
    let other = Store::open(&database.url(), Options::default()).await.unwrap();
    let terminate = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let (begun, mut terminated) = (Instant::now(), 0);
    for _ in 0..ROUNDS {
        terminated += number(&other, terminate).await.unwrap_or_default();
        if number(&other, "SELECT COUNT(*) FROM evenkeel_job").await.unwrap_or(1) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(terminated > 0, "no session was there to terminate");
    while number(&other, "SELECT COUNT(*) FROM evenkeel_job").await.unwrap_or(1) > 0 {
        assert!(begun.elapsed() < PATIENCE, "work is left after the last fault");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    source.request();
    task.await.unwrap();
    assert_eq!(number(&other, "SELECT COUNT(*) FROM effects").await.unwrap(), JOBS, "{terminated} sessions terminated");
    assert_eq!(number(&other, "SELECT COUNT(DISTINCT n) FROM effects").await.unwrap(), JOBS);
    assert_eq!(number(&other, "SELECT COUNT(*) FROM evenkeel_dead").await.unwrap(), 0);
}
