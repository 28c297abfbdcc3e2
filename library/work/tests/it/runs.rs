//! Processes that drive ratchets and end at each commit boundary: each step takes effect once, forward and back.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_work::run::{QUEUE, start};
use evenkeel_work::{
    JobError, QueueRules, RUN_BOUNDARIES, Ratchet, Ratchets, RunContext, RunInput, WorkError, Workers,
};
use serde::{Deserialize, Serialize};
use store::{
    BoxFuture, Fingerprint, IdempotencyKey, Migration, Migrations, OnceOutcome, Options, Store, StoreError, StoreUrl,
    StoredResponse, Transaction, args,
};
use supervision::StopSource;
use vitals::Registry;

/// Maximum time of one step, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(60);
/// Effects of a run that succeeds, and of one that is undone.
const EFFECTS: [&str; 7] =
    ["good reserve", "good pay", "good settle", "bad reserve", "bad pay", "bad unpay", "bad unreserve"];

#[derive(Serialize, Deserialize)]
struct Good {}
impl RunInput for Good {
    const KIND: &'static str = "good";
}

#[derive(Serialize, Deserialize)]
struct Bad {}
impl RunInput for Bad {
    const KIND: &'static str = "bad";
}

async fn open(url: &StoreUrl) -> Store {
    let store = Store::open(url, Options::default()).await.unwrap();
    let schema = "CREATE TABLE effects (name TEXT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "effects", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    store
}

const INSERT: &str = "INSERT INTO effects (name) VALUES ($1)";

/// A step in a transaction with one effect.
fn effect<I: Send + Sync + 'static>(
    name: &'static str,
) -> impl for<'t> Fn(&'t mut Transaction, RunContext<I>) -> BoxFuture<'t, Result<(), JobError>> + Send + Sync + 'static
{
    move |tx, _run| {
        Box::pin(async move {
            tx.execute(INSERT, args![name]).await?;
            Ok(())
        })
    }
}

/// Another system, which keeps a log of keys.
async fn bank(store: Store, key: String, name: &'static str) -> Result<(), JobError> {
    let key: IdempotencyKey = key.parse()?;
    let paid = store.once(&key, Fingerprint::of(&[name.as_bytes()]), |tx| {
        Box::pin(async move {
            tx.execute(INSERT, args![name]).await?;
            Ok::<_, StoreError>(OnceOutcome::Commit(StoredResponse::new(204, "", "")))
        })
    });
    paid.await?;
    Ok(())
}

fn ratchets(store: &Store) -> Ratchets {
    let banks = [store.clone(), store.clone(), store.clone()];
    let [good_bank, bad_bank, undo_bank] = banks;
    let good = Ratchet::<Good>::new()
        .tx("reserve", effect("good reserve"))
        .call("pay", move |key, _run| bank(good_bank.clone(), key, "good pay"))
        .sleep("rest", Duration::from_millis(1))
        .tx("settle", effect("good settle"));
    let bad = Ratchet::<Bad>::new()
        .tx("reserve", effect("bad reserve"))
        .undo_tx(effect("bad unreserve"))
        .call("pay", move |key, _run| bank(bad_bank.clone(), key, "bad pay"))
        .undo_call(move |key, _run| bank(undo_bank.clone(), key, "bad unpay"))
        .tx("settle", |_tx, _run| Box::pin(async { Err::<(), _>(JobError::permanent("closed")) }));
    Ratchets::new(store).add(good).add(bad)
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) })).await;
    read.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

const LIVE: &str = "SELECT COUNT(*) FROM evenkeel_run WHERE state IN (0, 1, 2, 5)";

/// Not a test of its own: a process that drives runs, which ends where `EVENKEEL_WORK_ABORT_AT` says, or when none is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another test runs it as a process of its own"]
async fn process() {
    let Ok(url) = std::env::var("WORK_URL") else { return };
    let store = open(&url.parse().unwrap()).await;
    let backoff = resilience::Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    let quick = move |rules: QueueRules| {
        rules.poll(Duration::from_millis(5)).lease(Duration::from_millis(500)).backoff(backoff).concurrency(2)
    };
    let source = StopSource::new();
    let (stop, workers) = (source.listen(), ratchets(&store).handle_in(Workers::new(&store).queue(QUEUE, quick)));
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
    let begun = Instant::now();
    while number(&store, LIVE).await > 0 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    source.request();
    task.await.unwrap();
}

/// Runs a process, and waits for it in another thread, so that this one's runtime goes on.
async fn run(url: &str, abort_at: Option<&str>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "runs::process", "--ignored", "--nocapture"]).env("WORK_URL", url);
    if let Some(place) = abort_at {
        command.env("EVENKEEL_WORK_ABORT_AT", place);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    tokio::task::spawn_blocking(move || command.status().unwrap().success()).await.unwrap()
}

async fn kill_at_each_boundary(url: &str) {
    let store = open(&url.parse().unwrap()).await;
    for (round, place) in (1..).zip(RUN_BOUNDARIES) {
        let started: Result<(), WorkError> = store
            .write(|tx| {
                Box::pin(async move {
                    start(tx, &Good {}).await?;
                    start(tx, &Bad {}).await.map(drop)
                })
            })
            .await;
        started.unwrap();
        assert!(!run(url, Some(place)).await, "no process passed the boundary {place:?}");
        assert!(run(url, None).await, "after {place:?}");
        assert_eq!(number(&store, LIVE).await, 0, "{place}: no run is left");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM evenkeel_run WHERE state = 3").await, round);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM evenkeel_run WHERE state = 4").await, round);
        for name in EFFECTS {
            let count = store.read(|tx| {
                let values = args![name];
                let sql = "SELECT COUNT(*) FROM effects WHERE name = $1";
                Box::pin(async move { tx.fetch_one(sql, values).await?.at::<i64>(0) })
            });
            let count: Result<i64, StoreError> = count.await;
            assert_eq!(count.unwrap(), round, "{place}: {name}");
        }
    }
    assert_eq!(number(&store, "SELECT COUNT(*) FROM evenkeel_dead").await, 0);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_process_killed_at_each_boundary_of_a_run_repeats_and_leaves_out_no_step_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_each_boundary(&format!("sqlite:{}/work.db", folder.path().display())).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w13_a_process_killed_at_each_boundary_of_a_run_repeats_and_leaves_out_no_step_on_postgres() {
    let database = store::testing::FreshDatabase::make();
    kill_at_each_boundary(&database.url_text()).await;
}
