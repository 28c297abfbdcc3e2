//! Processes that end at each commit boundary, and processes that are paused past their lease: nothing is lost, nothing is doubled.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel_work::{BOUNDARIES, Job, JobContext, JobError, JobStore, QueueRules, WorkError, Workers, enqueue_all};
use serde::{Deserialize, Serialize};
use store::{Migration, Migrations, Options, Store, StoreError, StoreUrl, args};
use supervision::StopSource;
use vitals::Registry;

/// Maximum time of one step, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(60);
const JOBS: i64 = 6;

/// Effect in the transaction of its job; every third fails once.
#[derive(Serialize, Deserialize)]
struct Exact {
    n: i64,
}
impl Job for Exact {
    const KIND: &'static str = "exact";
}

/// Effect in a transaction of its own, with the message id as idempotency key; every third fails once.
#[derive(Serialize, Deserialize)]
struct AtLeast {
    n: i64,
}
impl Job for AtLeast {
    const KIND: &'static str = "at least";
}

async fn open(url: &StoreUrl) -> Store {
    let store = Store::open(url, Options::default()).await.unwrap();
    let schema = "CREATE TABLE effects (kind TEXT NOT NULL, n BIGINT NOT NULL, message_id TEXT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "effects", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    store
}

const INSERT: &str = "INSERT INTO effects (kind, n, message_id) VALUES ($1, $2, $3)";

fn workers(store: &Store) -> Workers {
    let other = store.clone();
    let backoff = resilience::Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    let quick = move |rules: QueueRules| {
        rules.poll(Duration::from_millis(5)).lease(Duration::from_millis(500)).backoff(backoff).concurrency(3)
    };
    Workers::new(store)
        .queue("default", quick)
        .handle_in_transaction(|tx, job: Arc<Exact>, context| {
            Box::pin(async move {
                tx.execute(INSERT, args!["exact", job.n, context.message_id()]).await?;
                if job.n % 3 == 0 && context.attempt() == 1 { Err(JobError::retry("once")) } else { Ok(()) }
            })
        })
        .handle(move |job: AtLeast, context: JobContext| {
            let store = other.clone();
            async move {
                if job.n % 3 == 0 && context.attempt() == 1 {
                    return Err(JobError::retry("once"));
                }
                let message_id = context.message_id().to_owned();
                store
                    .write(|tx| {
                        let message_id = message_id.clone();
                        Box::pin(async move { tx.execute(INSERT, args!["at least", job.n, message_id]).await })
                    })
                    .await
                    .map_err(|error: StoreError| JobError::from(error))?;
                // Between the effect and the completion, for the test that stops the process there.
                if std::env::var_os("WORK_SLOW").is_some() && context.attempt() == 1 {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok(())
            }
        })
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) })).await;
    read.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

/// Not a test of its own: a process with workers, which ends where `EVENKEEL_WORK_ABORT_AT` says, or when nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "other tests run it as a process of its own"]
async fn process() {
    let Ok(url) = std::env::var("WORK_URL") else { return };
    let store = open(&url.parse().unwrap()).await;
    let source = StopSource::new();
    let (stop, workers) = (source.listen(), workers(&store));
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
    let begun = Instant::now();
    while number(&store, "SELECT COUNT(*) FROM evenkeel_job").await > 0 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    source.request();
    task.await.unwrap();
}

fn start(url: &str, abort_at: Option<&str>, slow: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "boundaries::process", "--ignored", "--nocapture"]).env("WORK_URL", url);
    if let Some(place) = abort_at {
        command.env("EVENKEEL_WORK_ABORT_AT", place);
    }
    if slow {
        command.env("WORK_SLOW", "1");
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits for a process in another thread, so that this one's runtime goes on.
async fn ended(mut child: Child) -> std::process::ExitStatus {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
}

async fn enqueue(store: &Store) {
    let enqueued: Result<(), WorkError> = store
        .write(|tx| {
            Box::pin(async move {
                enqueue_all(tx, (0..JOBS).map(|n| Exact { n }.job())).await?;
                enqueue_all(tx, (0..JOBS).map(|n| AtLeast { n }.job())).await?;
                Ok(())
            })
        })
        .await;
    enqueued.unwrap();
}

/// Kills a process at each boundary in turn, lets another one finish, and looks at the effects.
async fn kill_at_each_boundary(url: &str) {
    let store = open(&url.parse().unwrap()).await;
    for place in BOUNDARIES {
        enqueue(&store).await;
        let killed = ended(start(url, Some(place), false)).await;
        assert!(!killed.success(), "no process passed the boundary {place:?}");
        let finished = ended(start(url, None, false)).await;
        assert!(finished.success(), "after {place:?}");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM evenkeel_job").await, 0, "{place}: nothing is left");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM evenkeel_dead").await, 0, "{place}: no dead letter");
        let exact = "SELECT COUNT(*) FROM effects WHERE kind = 'exact'";
        assert_eq!(number(&store, exact).await, JOBS, "{place}: an effect in the job's transaction happens once");
        let at_least = "SELECT COUNT(DISTINCT message_id) FROM effects WHERE kind = 'at least'";
        assert_eq!(number(&store, at_least).await, JOBS, "{place}: no job is lost");
        let clear: Result<u64, StoreError> =
            store.write(|tx| Box::pin(async move { tx.execute("DELETE FROM effects", args![]).await })).await;
        clear.unwrap();
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_w3_a_process_killed_at_each_commit_boundary_loses_and_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_each_boundary(&format!("sqlite:{}/work.db", folder.path().display())).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_w3_a_process_killed_at_each_commit_boundary_loses_and_doubles_nothing_on_postgres() {
    let database = store::testing::FreshDatabase::make();
    kill_at_each_boundary(&database.url_text()).await;
}

/// Stops a process that holds jobs, lets another worker do them past their lease, and lets the process go on.
async fn stopped_worker(url: &str) {
    let store = open(&url.parse().unwrap()).await;
    let jobs = JobStore::new(&store);
    let begun = Instant::now();
    enqueue(&store).await;
    let child = start(url, None, true);
    let pid = child.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    // Stopped while it holds jobs.
    while number(&store, "SELECT COUNT(*) FROM effects WHERE kind = 'at least'").await == 0 {
        assert!(begun.elapsed() < PATIENCE, "the process does nothing");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    signal("-STOP");
    let held = "SELECT COUNT(*) FROM evenkeel_job WHERE state = 1";
    assert!(number(&store, held).await > 0, "the stopped process holds jobs");
    // Past its lease another worker does the rest.
    let workers = workers(&store);
    while number(&store, "SELECT COUNT(*) FROM evenkeel_job").await > 0 {
        assert!(begun.elapsed() < PATIENCE, "jobs of the stopped process are left");
        jobs.end_expired("default", resilience::Backoff::new(Duration::ZERO, Duration::ZERO)).await.unwrap();
        workers.run_until_idle().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let effects = "SELECT COUNT(*) FROM effects WHERE kind = 'exact'";
    let before = number(&store, effects).await;
    signal("-CONT");
    assert!(ended(child).await.success());
    assert_eq!(before, JOBS);
    assert_eq!(number(&store, effects).await, JOBS, "the process that was paused past its lease adds nothing");
    let lost = "SELECT COUNT(DISTINCT message_id) FROM effects WHERE kind = 'at least'";
    assert_eq!(number(&store, lost).await, JOBS);
    assert_eq!(number(&store, "SELECT COUNT(*) FROM evenkeel_dead").await, 0);
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w4_a_process_stopped_past_its_lease_changes_nothing_when_it_goes_on() {
    let database = store::testing::FreshDatabase::make();
    stopped_worker(&database.url_text()).await;
}
