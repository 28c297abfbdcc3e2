//! Subscriptions: folds exactly once, deliveries at least once, by one process at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use resilience::Backoff;
use store::{Fingerprint, IdempotencyKey, OnceOutcome, StoreError, StoredResponse, args};
use supervision::StopSource;
use tokio::sync::Notify;
use tokio::time::Instant;
use vitals::Registry;

use super::bench::Bench;
use super::events::{Moved, PATIENCE, append_moved, read_all};
use crate::error::Refusal;
use crate::event::Cursor;
use crate::quarantine::Quarantine;
use crate::subscription::{Poison, Start, SubscriptionState, Until};
use crate::{JobError, StoredEvent, Subscription, Subscriptions, WorkError};

const INSERT: &str = "INSERT INTO effects (n, attempt) VALUES ($1, $2)";
const COUNT: &str = "SELECT COUNT(*) FROM effects";
const SUM: &str = "SELECT COALESCE(CAST(SUM(n * 1000 + attempt) AS BIGINT), 0) FROM effects";

/// A fold that adds a row for each event.
fn rows(name: &str) -> Subscription {
    Subscription::fold(name, |tx, event| {
        Box::pin(async move {
            tx.execute(INSERT, args![event.read::<Moved>()?.n, event.version]).await?;
            Ok(())
        })
    })
    .on_rebuild(|tx| {
        Box::pin(async move {
            tx.execute("DELETE FROM effects", args![]).await?;
            Ok(())
        })
    })
    .batch(7)
}

async fn catch_up(bench: &Bench, subscription: Subscription) -> Result<crate::subscription::Progress, WorkError> {
    let name = subscription.name().to_owned();
    Subscriptions::new(&bench.store).add(subscription).catch_up(&name).await
}

pub(super) async fn w10_a_projection_is_the_fold_of_the_log_from_zero_and_incremental(bench: Bench) {
    for round in 0..5 {
        append_moved(&bench, &format!("stream {}", round % 2), round * 10..(round + 1) * 10).await;
        read_all(&bench, usize::try_from((round + 1) * 10).unwrap()).await;
        let progress = catch_up(&bench, rows("rows")).await.unwrap();
        assert_eq!((progress.events, progress.state), (10, SubscriptionState::Active));
    }
    let incremental = (bench.number(COUNT, args![]).await, bench.number(SUM, args![]).await);
    assert_eq!(incremental.0, 50);
    let subscriptions = Subscriptions::new(&bench.store).add(rows("rows"));
    subscriptions.rebuild("rows").await.unwrap();
    assert_eq!(bench.number(COUNT, args![]).await, 0);
    assert_eq!(subscriptions.catch_up("rows").await.unwrap().events, 50);
    assert_eq!((bench.number(COUNT, args![]).await, bench.number(SUM, args![]).await), incremental);
    assert_eq!(subscriptions.rows().get("rows").await.unwrap().unwrap().consumed, 50);
}

pub(super) async fn w3_two_processes_fold_each_event_once_while_the_log_grows(bench: Bench) {
    let start = || {
        let (source, store) = (StopSource::new(), bench.store.clone());
        let stop = source.listen();
        let subscription = rows("rows").lease(Duration::from_secs(3)).poll(Duration::from_millis(5));
        let task = tokio::spawn(async move {
            Subscriptions::new(&store).add(subscription).run(&Registry::new(), stop).await;
        });
        (source, task)
    };
    let (first, second) = (start(), start());
    append_moved(&bench, "a", 0..40).await;
    let begun = Instant::now();
    let caught_up = |events: i64| {
        let bench = &bench;
        async move {
            while bench.number(COUNT, args![]).await < events {
                assert!(begun.elapsed() < PATIENCE, "events are left");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    caught_up(40).await;
    first.0.request();
    first.1.await.unwrap();
    append_moved(&bench, "a", 40..80).await;
    caught_up(80).await;
    second.0.request();
    second.1.await.unwrap();
    assert_eq!(bench.number("SELECT COUNT(DISTINCT n) FROM effects", args![]).await, 80);
    assert_eq!(bench.number(COUNT, args![]).await, 80);
}

/// A process that is paused between its delivery and the move of its cursor, past its lease; another one goes on meanwhile.
pub(super) async fn w4_a_subscription_paused_past_its_lease_moves_nothing(bench: Bench) {
    append_moved(&bench, "a", 0..3).await;
    read_all(&bench, 3).await;
    let (paused, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let zombie = {
        let (store, paused, go_on) = (bench.store.clone(), paused.clone(), go_on.clone());
        tokio::spawn(async move {
            let subscription = Subscription::deliver("out", move |_: Arc<[StoredEvent]>| {
                let (paused, go_on) = (paused.clone(), go_on.clone());
                async move {
                    paused.notify_one();
                    go_on.notified().await;
                    Ok::<_, JobError>(())
                }
            });
            Subscriptions::new(&store).add(subscription.batch(2)).catch_up("out").await
        })
    };
    paused.notified().await;
    let other = || Subscription::deliver("out", |_: Arc<[StoredEvent]>| async { Ok::<_, JobError>(()) }).batch(1);
    let held = catch_up(&bench, other()).await;
    assert!(matches!(held, Err(WorkError::Refused(Refusal::Stale { .. }))), "{held:?}");
    bench.run("UPDATE evenkeel_lease SET expires_at = 1").await;
    assert_eq!(catch_up(&bench, other()).await.unwrap().events, 3);
    let subscriptions = Subscriptions::new(&bench.store);
    let before = subscriptions.rows().get("out").await.unwrap().unwrap();
    go_on.notify_one();
    let refused = zombie.await.unwrap();
    assert!(matches!(refused, Err(WorkError::Refused(Refusal::Stale { .. }))), "{refused:?}");
    assert_eq!(subscriptions.rows().get("out").await.unwrap().unwrap(), before);
}

/// A delivery that fails after its effect is repeated; the receiver answers the repetition from its log.
pub(super) async fn w11_an_outbox_delivers_every_event_in_order_and_the_receiver_takes_it_once(bench: Bench) {
    append_moved(&bench, "a", 0..9).await;
    read_all(&bench, 9).await;
    let (delivered, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let receiver = bench.store.clone();
    let outbox = {
        let (delivered, fails) = (delivered.clone(), fails.clone());
        Subscription::deliver("outbox", move |events: Arc<[StoredEvent]>| {
            let (receiver, delivered, fails) = (receiver.clone(), delivered.clone(), fails.clone());
            async move {
                for event in events.iter() {
                    receive(&receiver, event).await?;
                    delivered.fetch_add(1, Ordering::SeqCst);
                }
                match fails.swap(false, Ordering::SeqCst) {
                    true => Err(JobError::retry("the connection broke after the effect")),
                    false => Ok(()),
                }
            }
        })
    };
    assert_eq!(catch_up(&bench, outbox.batch(3)).await.unwrap().events, 9);
    assert_eq!(delivered.load(Ordering::SeqCst), 12, "three events came twice");
    assert_eq!(bench.number(COUNT, args![]).await, 9);
    assert_eq!(bench.number("SELECT COUNT(*) FROM effects WHERE n + 1 <> attempt", args![]).await, 0, "in order");
}

/// The receiver of another service: its effect and the entry of its log are one transaction. `attempt` is the place of the row.
async fn receive(store: &store::Store, event: &StoredEvent) -> Result<(), JobError> {
    let key = event.message_id.parse::<IdempotencyKey>()?.in_scope("inbox");
    let fingerprint = Fingerprint::of(&[event.payload.as_bytes()]);
    let n = event.read::<Moved>()?.n;
    let received = store.once(&key, fingerprint, |tx| {
        Box::pin(async move {
            let place = "INSERT INTO effects (n, attempt) SELECT $1, COUNT(*) + 1 FROM effects";
            tx.execute(place, args![n]).await?;
            Ok::<_, StoreError>(OnceOutcome::Commit(StoredResponse::new(204, "", "")))
        })
    });
    received.await?;
    Ok(())
}

/// A fold that fails at one event.
fn failing(poison: Poison, is_permanent: bool, mends: Arc<AtomicBool>) -> Subscription {
    Subscription::fold("fold", move |tx, event| {
        let is_mended = mends.load(Ordering::SeqCst);
        Box::pin(async move {
            let n = event.read::<Moved>()?.n;
            tx.execute(INSERT, args![n, 0]).await?;
            match n {
                5 if is_mended => Ok(()),
                5 if is_permanent => Err(JobError::permanent("five is not allowed")),
                5 => Err(JobError::retry("five is not possible")),
                _ => Ok(()),
            }
        })
    })
    .attempts(3, Backoff::new(Duration::ZERO, Duration::ZERO))
    .on_poison(poison)
}

pub(super) async fn w8_an_event_that_always_fails_halts_its_subscription_and_no_other(bench: Bench) {
    append_moved(&bench, "a", 0..9).await;
    read_all(&bench, 9).await;
    let mends = Arc::new(AtomicBool::new(false));
    let progress = catch_up(&bench, failing(Poison::Halt, false, mends.clone())).await.unwrap();
    assert_eq!((progress.events, progress.state), (5, SubscriptionState::Halted));
    assert_eq!(bench.number(COUNT, args![]).await, 5, "the events before it are folded, and nothing of it");
    let subscriptions = Subscriptions::new(&bench.store).add(failing(Poison::Halt, false, mends.clone()));
    let row = subscriptions.rows().get("fold").await.unwrap().unwrap();
    let reason = row.reason.unwrap();
    assert_eq!(reason, "the event moved, version 6 of the stream a: five is not possible");
    assert_eq!(subscriptions.catch_up("fold").await.unwrap().events, 0, "it stays halted");
    mends.store(true, Ordering::SeqCst);
    assert!(subscriptions.rows().resume("fold").await.unwrap());
    assert_eq!(subscriptions.catch_up("fold").await.unwrap().events, 4);
    assert_eq!(bench.number(COUNT, args![]).await, 9);
}

pub(super) async fn w8_an_event_that_always_fails_goes_to_the_quarantine_with_its_reason(bench: Bench) {
    append_moved(&bench, "a", 0..9).await;
    read_all(&bench, 9).await;
    for is_permanent in [true, false] {
        bench.run("DELETE FROM evenkeel_subscription").await;
        let fold = failing(Poison::Quarantine, is_permanent, Arc::default());
        assert_eq!(catch_up(&bench, fold).await.unwrap().events, 9);
    }
    assert_eq!(bench.number("SELECT COUNT(*) FROM effects WHERE n = 5", args![]).await, 0);
    assert_eq!(bench.number(COUNT, args![]).await, 16);
    let quarantine = Quarantine::new(&bench.store);
    let counts = quarantine.counts().await.unwrap();
    let counts: Vec<(&str, u64)> = counts.iter().map(|count| (count.reason.as_str(), count.records)).collect();
    assert_eq!(counts, [("five is not allowed", 1), ("five is not possible", 1)]);
    let bad = quarantine.list("subscription fold", 0, 10).await.unwrap();
    assert_eq!((bad.len(), bad[0].record.as_str()), (2, r#"{"n":5}"#));
    assert_eq!(quarantine.drop_records(&[bad[0].id]).await.unwrap(), 1);
}

pub(super) async fn a_batch_over_a_range_ends_and_goes_on_after_a_failure(bench: Bench) {
    append_moved(&bench, "a", 0..20).await;
    read_all(&bench, 20).await;
    let mends = Arc::new(AtomicBool::new(false));
    let batch = || failing(Poison::Halt, false, mends.clone()).until(Until::Now).batch(2);
    assert_eq!(catch_up(&bench, batch()).await.unwrap().state, SubscriptionState::Halted);
    // Events that are appended later are not in the range.
    append_moved(&bench, "a", 20..30).await;
    read_all(&bench, 30).await;
    mends.store(true, Ordering::SeqCst);
    let subscriptions = Subscriptions::new(&bench.store).add(batch());
    assert!(subscriptions.rows().resume("fold").await.unwrap());
    let progress = subscriptions.catch_up("fold").await.unwrap();
    assert_eq!((progress.events, progress.state), (15, SubscriptionState::Done));
    assert_eq!(bench.number(COUNT, args![]).await, 20);
    let row = subscriptions.rows().get("fold").await.unwrap().unwrap();
    assert_eq!((row.consumed, row.until == row.cursor), (20, true));
    // Only what comes after its registration.
    let later = rows("later").start(Start::Now);
    assert_eq!(catch_up(&bench, later.clone()).await.unwrap().events, 0);
    append_moved(&bench, "b", 30..32).await;
    read_all(&bench, 32).await;
    assert_eq!(catch_up(&bench, later).await.unwrap().events, 2);
    assert!(Cursor::START < row.cursor && row.cursor < Cursor::END);
}

pub(super) async fn a_paused_subscription_consumes_nothing_until_it_is_resumed(bench: Bench) {
    append_moved(&bench, "a", 0..2).await;
    read_all(&bench, 2).await;
    let subscriptions = Subscriptions::new(&bench.store).add(rows("rows"));
    assert_eq!(subscriptions.catch_up("rows").await.unwrap().events, 2);
    assert!(subscriptions.rows().pause("rows").await.unwrap() && !subscriptions.rows().pause("rows").await.unwrap());
    append_moved(&bench, "a", 2..4).await;
    read_all(&bench, 4).await;
    let progress = subscriptions.catch_up("rows").await.unwrap();
    assert_eq!((progress.events, progress.state), (0, SubscriptionState::Paused));
    assert!(subscriptions.rows().resume("rows").await.unwrap());
    assert_eq!(subscriptions.catch_up("rows").await.unwrap().events, 2);
    assert_eq!(subscriptions.rows().list("", 10).await.unwrap().len(), 1);
}
