//! Processes with subscriptions that end at each commit boundary: nothing is lost, nothing is folded twice.

use std::process::{Command, Stdio};
use std::sync::Arc;

use evenkeel_work::{
    EVENT_BOUNDARIES, Event, Expect, JobError, StoredEvent, Subscription, Subscriptions, WorkError, append,
};
use serde::{Deserialize, Serialize};
use store::{
    Fingerprint, IdempotencyKey, Migration, Migrations, OnceOutcome, Options, Store, StoreError, StoreUrl,
    StoredResponse, args,
};

const EVENTS: i64 = 7;

#[derive(Serialize, Deserialize)]
struct Moved {
    n: i64,
}
impl Event for Moved {
    const KIND: &'static str = "moved";
}

async fn open(url: &StoreUrl) -> Store {
    let store = Store::open(url, Options::default()).await.unwrap();
    let schema = "CREATE TABLE effects (kind TEXT NOT NULL, n BIGINT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "effects", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    store
}

const INSERT: &str = "INSERT INTO effects (kind, n) VALUES ($1, $2)";

fn subscriptions(store: &Store) -> Subscriptions {
    let fold = Subscription::fold("fold", |tx, event| {
        Box::pin(async move {
            tx.execute(INSERT, args!["fold", event.read::<Moved>()?.n]).await?;
            Ok(())
        })
    });
    let receiver = store.clone();
    let outbox = Subscription::deliver("outbox", move |events: Arc<[StoredEvent]>| {
        let receiver = receiver.clone();
        async move {
            for event in events.iter() {
                let key: IdempotencyKey = event.message_id.parse()?;
                let n = event.read::<Moved>()?.n;
                let received = receiver.once(&key, Fingerprint::of(&[event.payload.as_bytes()]), |tx| {
                    Box::pin(async move {
                        tx.execute(INSERT, args!["outbox", n]).await?;
                        Ok::<_, StoreError>(OnceOutcome::Commit(StoredResponse::new(204, "", "")))
                    })
                });
                received.await?;
            }
            Ok::<_, JobError>(())
        }
    });
    Subscriptions::new(store).add(fold.batch(2)).add(outbox.batch(2))
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) })).await;
    read.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

/// Not a test of its own: a process that consumes, which ends where `EVENKEEL_WORK_ABORT_AT` says, or when nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another test runs it as a process of its own"]
async fn process() {
    let Ok(url) = std::env::var("WORK_URL") else { return };
    let store = open(&url.parse().unwrap()).await;
    let events = number(&store, "SELECT COUNT(*) FROM evenkeel_event").await;
    let subscriptions = subscriptions(&store);
    for name in ["fold", "outbox"] {
        let consumed = async || {
            let row = subscriptions.rows().get(name).await.unwrap();
            row.map_or(0, |row| i64::try_from(row.consumed).unwrap())
        };
        // Transactions of other databases hold events back for a while.
        while consumed().await < events {
            subscriptions.catch_up(name).await.unwrap();
        }
    }
}

/// Runs a process, and waits for it in another thread, so that this one's runtime goes on.
async fn run(url: &str, abort_at: Option<&str>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "subscriptions::process", "--ignored", "--nocapture"]).env("WORK_URL", url);
    if let Some(place) = abort_at {
        command.env("EVENKEEL_WORK_ABORT_AT", place);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    tokio::task::spawn_blocking(move || command.status().unwrap().success()).await.unwrap()
}

async fn kill_at_each_boundary(url: &str) {
    let store = open(&url.parse().unwrap()).await;
    for (round, place) in (1..).zip(EVENT_BOUNDARIES) {
        let appended: Result<(), WorkError> = store
            .write(|tx| {
                Box::pin(async move {
                    let events: Vec<Moved> = (0..EVENTS).map(|n| Moved { n }).collect();
                    append(tx, "stream", Expect::Any, &events).await.map(drop)
                })
            })
            .await;
        appended.unwrap();
        assert!(!run(url, Some(place)).await, "no process passed the boundary {place:?}");
        // The lease of a process that was killed is over after its time.
        let freed: Result<u64, StoreError> = store
            .write(|tx| Box::pin(async move { tx.execute("UPDATE evenkeel_lease SET expires_at = 1", args![]).await }))
            .await;
        freed.unwrap();
        assert!(run(url, None).await, "after {place:?}");
        for (kind, sql) in [
            ("fold", "SELECT COUNT(*) FROM effects WHERE kind = 'fold'"),
            ("outbox", "SELECT COUNT(*) FROM effects WHERE kind = 'outbox'"),
        ] {
            assert_eq!(number(&store, sql).await, round * EVENTS, "{place}: effects of the {kind}");
        }
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w10_w11_a_process_killed_at_each_boundary_of_a_batch_loses_and_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    kill_at_each_boundary(&format!("sqlite:{}/work.db", folder.path().display())).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w10_w11_a_process_killed_at_each_boundary_of_a_batch_loses_and_doubles_nothing_on_postgres() {
    let database = store::testing::FreshDatabase::make();
    kill_at_each_boundary(&database.url_text()).await;
}
