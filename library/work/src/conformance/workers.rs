//! The loops of workers: everything together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use store::{Store, args};
use supervision::StopSource;
use tokio::sync::Notify;
use vitals::Registry;

use super::bench::{Bench, Note};
use crate::{Job, JobContext, JobError, QueueRules, Workers};

/// Maximum time of a case, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(60);

fn quick(rules: QueueRules) -> QueueRules {
    let backoff = resilience::Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    rules.poll(Duration::from_millis(5)).backoff(backoff)
}

/// Records an effect in a transaction of its own.
async fn record(store: &Store, n: i64, attempt: u32) -> Result<(), JobError> {
    let insert = "INSERT INTO effects (n, attempt) VALUES ($1, $2)";
    store
        .write(|tx| Box::pin(async move { tx.execute(insert, args![n, attempt]).await }))
        .await
        .map(drop)
        .map_err(|error: store::StoreError| error.into())
}

async fn effects(bench: &Bench) -> i64 {
    bench.number("SELECT COUNT(*) FROM effects", args![]).await
}

/// Waits until a number is reached.
async fn until(bench: &Bench, sql: &'static str, expected: i64) {
    let begun = Instant::now();
    loop {
        let found = bench.number(sql, args![]).await;
        if found == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{sql}: {found} and not {expected}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs workers until the returned source requests the stop.
fn start(workers: Workers) -> (StopSource, tokio::task::JoinHandle<()>) {
    let source = StopSource::new();
    let stop = source.listen();
    let task = tokio::spawn(async move { workers.run(&Registry::new(), stop).await });
    (source, task)
}

pub(super) async fn w2_two_workers_run_each_of_many_jobs_once(bench: Bench) {
    bench.enqueue_notes(0..200).await;
    let running: Vec<_> = (0..2)
        .map(|_| {
            let store = bench.store.clone();
            let handler = move |note: Note, context: JobContext| {
                let store = store.clone();
                async move { record(&store, note.n, context.attempt()).await }
            };
            start(Workers::new(&bench.store).queue("notes", quick).handle(handler))
        })
        .collect();
    until(&bench, "SELECT COUNT(*) FROM evenkeel_job", 0).await;
    for (source, task) in running {
        source.request();
        task.await.unwrap();
    }
    assert_eq!(effects(&bench).await, 200);
    assert_eq!(bench.number("SELECT COUNT(DISTINCT n) FROM effects", args![]).await, 200);
}

pub(super) async fn w3_an_effect_in_the_transaction_of_the_job_happens_once(bench: Bench) {
    bench.enqueue_notes(0..30).await;
    let workers =
        Workers::new(&bench.store).queue("notes", quick).handle_in_transaction(|tx, note: Arc<Note>, context| {
            Box::pin(async move {
                let insert = "INSERT INTO effects (n, attempt) VALUES ($1, $2)";
                tx.execute(insert, args![note.n, context.attempt()]).await?;
                // After the effect: the transaction takes it back.
                if note.n % 3 == 0 && context.attempt() < 3 {
                    return Err(JobError::retry("not yet"));
                }
                Ok(())
            })
        });
    let (source, task) = start(workers);
    until(&bench, "SELECT COUNT(*) FROM evenkeel_job", 0).await;
    source.request();
    task.await.unwrap();
    assert_eq!((effects(&bench).await, bench.dead().await), (30, 0));
    assert_eq!(bench.number("SELECT COUNT(DISTINCT n) FROM effects", args![]).await, 30);
    assert_eq!(bench.number("SELECT COUNT(*) FROM effects WHERE attempt = 3", args![]).await, 10);
}

pub(super) async fn w8_a_poisonous_job_does_not_hold_up_the_others(bench: Bench) {
    bench.enqueue_notes(0..60).await;
    let store = bench.store.clone();
    let handler = move |note: Note, context: JobContext| {
        let store = store.clone();
        async move {
            assert!(note.n % 20 != 0, "note {} is poison", note.n);
            record(&store, note.n, context.attempt()).await
        }
    };
    let (source, task) = start(Workers::new(&bench.store).queue("notes", quick).handle(handler));
    until(&bench, "SELECT COUNT(*) FROM evenkeel_job", 0).await;
    source.request();
    task.await.unwrap();
    assert_eq!((effects(&bench).await, bench.dead().await), (57, 3));
    let dead = bench.jobs.dead_letters("notes", 0, 10).await.unwrap();
    assert!(dead.iter().all(|dead| dead.attempts == 3 && dead.error.starts_with("it panicked: note")), "{dead:?}");
}

pub(super) async fn a_running_job_is_cancelled_and_its_handler_is_dropped(bench: Bench) {
    let id = bench.enqueue_notes(0..1).await[0].id;
    let started = Arc::new(Notify::new());
    let ends = Arc::new(AtomicU32::new(0));
    struct Dropped(Arc<AtomicU32>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let handler = {
        let (started, ends) = (started.clone(), ends.clone());
        move |_: Note, _: JobContext| {
            let (started, guard) = (started.clone(), Dropped(ends.clone()));
            async move {
                let _guard = guard;
                started.notify_one();
                std::future::pending::<Result<(), JobError>>().await
            }
        }
    };
    // Heartbeats are a third of the lease apart.
    let rules = |rules: QueueRules| quick(rules).lease(Duration::from_secs(3));
    let (source, task) = start(Workers::new(&bench.store).queue("notes", rules).handle(handler));
    started.notified().await;
    assert_eq!(bench.jobs.cancel(&[id]).await.unwrap(), 1);
    until(&bench, "SELECT COUNT(*) FROM evenkeel_job", 0).await;
    source.request();
    task.await.unwrap();
    assert_eq!((ends.load(Ordering::SeqCst), bench.dead().await), (1, 0));
}

pub(super) async fn the_stop_hands_back_the_jobs_that_have_not_started(bench: Bench) {
    bench.enqueue_notes(0..5).await;
    let started = Arc::new(Notify::new());
    let handler = {
        let started = started.clone();
        move |_: Note, _: JobContext| {
            let started = started.clone();
            async move {
                started.notify_one();
                std::future::pending::<Result<(), JobError>>().await
            }
        }
    };
    let rules = |rules: QueueRules| quick(rules).concurrency(2).drain(Duration::from_millis(1));
    let (source, task) = start(Workers::new(&bench.store).queue("notes", rules).handle(handler));
    started.notified().await;
    source.request();
    task.await.unwrap();
    let depth = bench.jobs.depth("notes").await.unwrap();
    assert_eq!((depth.ready, depth.running), (5, 0), "no job waits for the end of a lease");
    let attempts: Vec<u32> = bench.claim(10).await.iter().map(|job| job.attempt).collect();
    let interrupted = attempts.iter().filter(|attempt| **attempt == 2).count();
    assert!((1..=2).contains(&interrupted), "those that ran lose an attempt, others do not: {attempts:?}");
}

pub(super) async fn a_deadline_that_is_over_makes_a_dead_letter(bench: Bench) {
    bench
        .enqueue(|| {
            vec![
                Note { n: 1 }.job().deadline(Duration::from_micros(1)),
                Note { n: 2 }.job().deadline(Duration::from_secs(3600)),
                Note { n: 3 }.job().deadline(Duration::from_millis(300)),
            ]
        })
        .await;
    let handler = |note: Note, _: JobContext| async move {
        if note.n == 3 {
            std::future::pending::<()>().await;
        }
        Ok::<_, JobError>(())
    };
    let report = Workers::new(&bench.store).handle(handler).run_until_idle().await.unwrap();
    assert_eq!((report.completed, report.dead), (1, 2));
    let dead = bench.jobs.dead_letters("notes", 0, 10).await.unwrap();
    assert!(dead.iter().all(|dead| dead.reason == "deadline"), "{dead:?}");
}

pub(super) async fn a_commit_of_the_same_process_wakes_the_workers(bench: Bench) {
    let done = Arc::new(Notify::new());
    let handler = {
        let done = done.clone();
        move |_: Note, _: JobContext| {
            let done = done.clone();
            async move {
                done.notify_one();
                Ok::<_, JobError>(())
            }
        }
    };
    // Without the bell a job would wait for an hour.
    let rules = |rules: QueueRules| rules.poll(Duration::from_secs(3600));
    let (source, task) = start(Workers::new(&bench.store).queue("notes", rules).handle(handler));
    for n in 0..5 {
        bench.enqueue_notes(n..n + 1).await;
        tokio::time::timeout(PATIENCE, done.notified()).await.unwrap();
    }
    source.request();
    task.await.unwrap();
}
