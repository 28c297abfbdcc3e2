//! Faults of PostgreSQL while subscriptions fold and ratchets move, sessions that are terminated and commits without an answer: after the last
//! fault all of them end, and no effect is doubled.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use evenkeel_work::run::{QUEUE, start};
use evenkeel_work::{
    Event, Expect, QueueRules, Ratchet, Ratchets, RunInput, Subscription, Subscriptions, WorkError, Workers, append,
};
use serde::{Deserialize, Serialize};
use store::testing::FreshDatabase;
use store::{Migration, Migrations, Options, Store, StoreError, args};
use supervision::StopSource;
use tokio::task::JoinHandle;
use vitals::Registry;

use crate::unreliable_port::{Faults, UnreliablePort};

/// Maximum time of the test, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(120);
const EVENTS: i64 = 60;
const RUNS: i64 = 12;
const ROUNDS: usize = 10;
/// Commits that are cut off.
const CUTS: u32 = 12;
const INSERT: &str = "INSERT INTO effects (kind, n) VALUES ($1, $2)";

#[derive(Serialize, Deserialize)]
struct Moved {
    n: i64,
}
impl Event for Moved {
    const KIND: &'static str = "moved";
}

#[derive(Serialize, Deserialize)]
struct Payout {
    n: i64,
}
impl RunInput for Payout {
    const KIND: &'static str = "payout";
}

async fn number(store: &Store, sql: &'static str) -> Result<i64, StoreError> {
    store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) })).await
}

fn ratchets(store: &Store) -> Ratchets {
    let effect = |ratchet: Ratchet<Payout>, name: &'static str| {
        ratchet.tx(name, move |tx, run| {
            Box::pin(async move {
                tx.execute(INSERT, args![name, run.input().n]).await?;
                Ok(())
            })
        })
    };
    Ratchets::new(store).with(effect(effect(Ratchet::new(), "first"), "second"))
}

/// Makes the tables, and adds the events and runs.
async fn begin(store: &Store) {
    let schema = "CREATE TABLE effects (kind TEXT NOT NULL, n BIGINT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "effects", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    let begun: Result<(), WorkError> = store
        .write(|tx| {
            Box::pin(async move {
                let events: Vec<Moved> = (0..EVENTS).map(|n| Moved { n }).collect();
                append(tx, "stream", Expect::NoStream, &events).await?;
                for n in 0..RUNS {
                    start(tx, &Payout { n }).await?;
                }
                Ok(())
            })
        })
        .await;
    begun.unwrap();
}

/// A subscription and workers that run until the stop.
struct Running {
    source: StopSource,
    tasks: JoinHandle<()>,
}

impl Running {
    fn start(store: &Store) -> Self {
        let backoff = resilience::Backoff::new(Duration::from_millis(1), Duration::from_millis(20));
        let fold = Subscription::fold("fold", |tx, event| {
            Box::pin(async move {
                tx.execute(INSERT, args!["fold", event.read::<Moved>()?.n]).await?;
                Ok(())
            })
        });
        // Each fault may cost an attempt.
        let fold =
            fold.batch(3).attempts(1_000, backoff).poll(Duration::from_millis(5)).lease(Duration::from_millis(900));
        let subscriptions = Subscriptions::new(store).with(fold);
        let quick = move |rules: QueueRules| {
            rules.poll(Duration::from_millis(5)).lease(Duration::from_millis(900)).backoff(backoff).concurrency(2)
        };
        let workers = ratchets(store).handle_in(Workers::new(store).queue(QUEUE, quick));
        let source = StopSource::new();
        let (stop, also) = (source.listen(), source.listen());
        let tasks = tokio::spawn(async move {
            let registry = Registry::new();
            tokio::join!(subscriptions.run(&registry, stop), workers.run(&registry, also));
        });
        Self { source, tasks }
    }

    /// Waits until everything has ended, and checks that each effect is there once.
    async fn all_done_once(self, other: &Store, faults: &str) {
        let left = "SELECT (SELECT COUNT(*) FROM evenkeel_run WHERE state <> 3) + 60 - (SELECT COUNT(*) FROM effects WHERE kind = 'fold')";
        let begun = Instant::now();
        while number(other, left).await.unwrap_or(1) > 0 {
            assert!(begun.elapsed() < PATIENCE, "work is left after {faults}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.source.request();
        self.tasks.await.unwrap();
        let effects = "SELECT COUNT(*) FROM effects";
        assert_eq!(number(other, effects).await.unwrap(), EVENTS + 2 * RUNS, "{faults}");
        let distinct = "SELECT COUNT(*) FROM (SELECT DISTINCT kind, n FROM effects) AS each_once";
        assert_eq!(number(other, distinct).await.unwrap(), EVENTS + 2 * RUNS, "{faults}");
        assert_eq!(number(other, "SELECT COUNT(*) FROM evenkeel_dead").await.unwrap(), 0, "{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w17_folds_and_runs_end_after_sessions_were_terminated_at_random_and_no_effect_is_doubled() {
    let database = FreshDatabase::make();
    let store = Store::open(&database.url(), Options::default()).await.unwrap();
    begin(&store).await;
    let running = Running::start(&store);
    let other = Store::open(&database.url(), Options::default()).await.unwrap();
    let terminate = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut terminated = 0;
    for _ in 0..ROUNDS {
        terminated += number(&other, terminate).await.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(terminated > 0, "no session was there to terminate");
    running.all_done_once(&other, "sessions that were terminated").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w3_w10_w13_commits_without_an_answer_double_and_lose_no_fold_and_no_step() {
    let database = FreshDatabase::make();
    let direct = Store::open(&database.url(), Options::default()).await.unwrap();
    begin(&direct).await;
    let port = UnreliablePort::open(&database, Faults::with_pass(3)).await;
    let store = Store::open(&port.url, Options::default()).await.unwrap();
    port.faults.cut.store(CUTS, Ordering::SeqCst);
    Running::start(&store).all_done_once(&direct, "commits without an answer").await;
    let was_cut = port.faults.was_cut.load(Ordering::SeqCst);
    assert!(was_cut >= 4, "{was_cut} commits were cut off, too few to show anything");
}
