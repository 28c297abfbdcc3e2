//! The event log: each event once, in order, none left out, beside any writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::{Engine, Isolation, Store, args};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::bench::Bench;
use crate::error::Refusal;
use crate::event::{Cursor, MAX_BATCH};
use crate::{Event, EventLog, Expect, StoredEvent, WorkError, append};

/// Maximum time of one step, on a machine that is busy with others: transactions of other databases hold events back too.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The event of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moved {
    pub(super) n: i64,
}

impl Event for Moved {
    const KIND: &'static str = "moved";
}

/// Appends events to a stream in a transaction of their own.
pub(super) async fn append_moved(bench: &Bench, stream: &str, numbers: std::ops::Range<i64>) {
    append_expecting(bench, stream, Expect::Any, numbers).await.unwrap();
}

async fn append_expecting(
    bench: &Bench,
    stream: &str,
    expect: Expect,
    numbers: std::ops::Range<i64>,
) -> Result<i64, WorkError> {
    let appended = bench.store.write(|tx| {
        let (stream, numbers) = (stream.to_owned(), numbers.clone());
        Box::pin(async move {
            let events: Vec<Moved> = numbers.map(|n| Moved { n }).collect();
            append(tx, &stream, expect, &events).await
        })
    });
    appended.await.map(|appended| appended.version)
}

/// Reads events behind a position until there are this many.
pub(super) async fn read_all(bench: &Bench, count: usize) -> Vec<StoredEvent> {
    let (log, begun) = (EventLog::new(&bench.store), Instant::now());
    let mut events: Vec<StoredEvent> = Vec::new();
    while events.len() < count {
        assert!(begun.elapsed() < PATIENCE, "{} of {count} events were read", events.len());
        let after = events.last().map_or(Cursor::START, |event| event.cursor);
        let read = log.read(after, MAX_BATCH).await.unwrap();
        if read.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        events.extend(read);
    }
    events
}

fn numbers(events: &[StoredEvent]) -> Vec<i64> {
    events.iter().map(|event| event.read::<Moved>().unwrap().n).collect()
}

/// Fails unless the events are in the order of the log, and the versions of each stream are 1, 2, 3, and so on.
fn assert_order(events: &[StoredEvent]) {
    assert!(events.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    let mut versions = std::collections::BTreeMap::new();
    for event in events {
        let last: &mut i64 = versions.entry(event.stream.clone()).or_default();
        *last += 1;
        assert_eq!(event.version, *last, "{} is not dense or not in the order of the log", event.stream);
    }
}

/// The control reads by number alone, as a log without a watermark does, and loses the event of the transaction that commits later.
pub(super) async fn w10_a_reader_by_number_loses_an_event_and_the_log_does_not(bench: Bench) {
    if bench.store.engine() == Engine::Sqlite {
        // One transaction writes at a time: numbers are in the order of the commits.
        return;
    }
    let log = EventLog::new(&bench.store);
    let (appended, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (store, appended, go_on) = (bench.store.clone(), appended.clone(), go_on.clone());
        tokio::spawn(async move {
            let written = store.write(|tx| {
                let (appended, go_on) = (appended.clone(), go_on.clone());
                Box::pin(async move {
                    append(tx, "slow", Expect::NoStream, &[Moved { n: 1 }]).await?;
                    appended.notify_one();
                    go_on.notified().await;
                    Ok::<_, WorkError>(())
                })
            });
            written.await.unwrap();
        })
    };
    appended.notified().await;
    append_moved(&bench, "fast", 2..3).await;
    let last = bench.number("SELECT MAX(seq) FROM evenkeel_event", args![]).await;
    assert_eq!(numbers(&log.read(Cursor::START, 10).await.unwrap()), [0; 0], "an earlier transaction still runs");
    let held_back = log.held_back().await.unwrap();
    assert_eq!(held_back.events, 1);
    assert!(held_back.culprit.starts_with("process "), "{held_back:?}");
    go_on.notify_one();
    slow.await.unwrap();
    let behind = bench.number("SELECT COUNT(*) FROM evenkeel_event WHERE seq > $1", args![last]).await;
    assert_eq!(behind, 0, "the reader by number never sees the event of the slow transaction");
    assert_eq!(numbers(&read_all(&bench, 2).await), [1, 2]);
}

pub(super) async fn w10_an_expected_version_decides_and_the_versions_of_a_stream_are_dense(bench: Bench) {
    assert_eq!(append_expecting(&bench, "a", Expect::NoStream, 0..3).await.unwrap(), 3);
    assert_eq!(append_expecting(&bench, "a", Expect::Version(3), 3..4).await.unwrap(), 4);
    assert_eq!(append_expecting(&bench, "a", Expect::Any, 4..6).await.unwrap(), 6);
    for (stream, expect, found) in [
        ("a", Expect::NoStream, 6),
        ("a", Expect::Version(5), 6),
        ("a", Expect::Version(7), 6),
        ("b", Expect::Version(1), 0),
    ] {
        let error = append_expecting(&bench, stream, expect, 9..10).await.unwrap_err();
        let is_refused = matches!(&error, WorkError::Refused(Refusal::Version { found: has, .. }) if *has == found);
        assert!(is_refused, "{stream} {expect:?}: {error}");
    }
    assert!(append_expecting(&bench, "", Expect::Any, 0..1).await.is_err());
    assert!(append_expecting(&bench, "a", Expect::Any, 0..0).await.is_err());
    assert_order(&read_all(&bench, 6).await);
    let log = EventLog::new(&bench.store);
    assert_eq!(numbers(&log.read_stream("a", 4, 10).await.unwrap()), [4, 5]);
    // Eight callers that have read the same version: one of them appends.
    let callers = (0..8).map(|n| append_expecting(&bench, "a", Expect::Version(6), n..n + 1));
    let won = futures_util::future::join_all(callers).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1);
}

/// A transaction that wrote before another one and appends after it to the same stream: it runs again, with a later id.
pub(super) async fn w10_the_order_of_the_log_is_that_of_the_versions_of_each_stream(bench: Bench) {
    if bench.store.engine() == Engine::Sqlite {
        // One transaction writes at a time.
        return;
    }
    for isolation in [Isolation::ReadCommitted, Isolation::Serializable] {
        let stream = format!("{isolation:?}");
        let runs = Arc::new(AtomicUsize::new(0));
        let (wrote, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let early = {
            let (store, runs, wrote, go_on) = (bench.store.clone(), runs.clone(), wrote.clone(), go_on.clone());
            let stream = stream.clone();
            tokio::spawn(async move {
                let written = store.write_at(isolation, |tx| {
                    let (runs, wrote, go_on) = (runs.clone(), wrote.clone(), go_on.clone());
                    let stream = stream.clone();
                    Box::pin(async move {
                        tx.execute("INSERT INTO effects (n, attempt) VALUES (0, 0)", args![]).await?;
                        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                            wrote.notify_one();
                            go_on.notified().await;
                        }
                        append(tx, &stream, Expect::Any, &[Moved { n: 2 }]).await.map(drop)
                    })
                });
                written.await
            })
        };
        wrote.notified().await;
        append_moved(&bench, &stream, 1..2).await;
        go_on.notify_one();
        early.await.unwrap().unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2, "{isolation:?}: the early transaction runs again");
    }
    let events = read_all(&bench, 4).await;
    assert_order(&events);
    assert_eq!(numbers(&events), [1, 2, 1, 2]);
}

/// Appends an event to a stream of the writer's own and to one of all writers.
async fn write_to_both(store: &Store, isolation: Isolation, writer: i64, n: i64) -> Result<(), WorkError> {
    let written = store.write_at(isolation, |tx| {
        Box::pin(async move {
            append(tx, &format!("own {writer}"), Expect::Any, &[Moved { n }]).await?;
            if n % 3 == 0 {
                tokio::time::sleep(Duration::from_millis(u64::try_from(writer).unwrap_or_default())).await;
            }
            append(tx, "shared", Expect::Any, &[Moved { n }]).await.map(drop)
        })
    });
    written.await
}

pub(super) async fn w10_a_reader_beside_parallel_writers_reads_each_event_once_in_order(bench: Bench) {
    const WRITERS: i64 = 4;
    const EACH: i64 = 20;
    /// Maximum number of further turns of a writer for an event, of the store's retries each.
    const MAX_TURNS: u32 = 50;
    let writers = (0..WRITERS).map(|writer| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            for round in 0..EACH {
                let isolation = if round % 2 == 0 { Isolation::Serializable } else { Isolation::ReadCommitted };
                let n = writer * EACH + round;
                let mut written = write_to_both(&store, isolation, writer, n).await;
                // The store has given up after its retries: on a busy machine the others were in the way each time.
                for _ in 0..MAX_TURNS {
                    let Err(WorkError::Retry(_)) = written else { break };
                    written = write_to_both(&store, isolation, writer, n).await;
                }
                assert!(written.is_ok(), "{written:?}");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let events = read_all(&bench, usize::try_from(WRITERS * EACH * 2).unwrap()).await;
    for writer in writers {
        writer.await.unwrap();
    }
    assert_order(&events);
    let ids: std::collections::HashSet<&str> = events.iter().map(|event| event.message_id.as_str()).collect();
    assert_eq!(ids.len(), events.len());
    assert_eq!(EventLog::new(&bench.store).read(events[events.len() - 1].cursor, 10).await.unwrap(), []);
}

pub(super) async fn w1_an_event_exists_when_its_transaction_commits_and_not_otherwise(bench: Bench) {
    let undone: Result<(), WorkError> = bench
        .store
        .write(|tx| {
            Box::pin(async move {
                append(tx, "a", Expect::NoStream, &[Moved { n: 1 }]).await?;
                Err(Refusal::Empty { part: "nothing", kind: "test".to_owned() }.into())
            })
        })
        .await;
    assert!(undone.is_err());
    append_expecting(&bench, "a", Expect::NoStream, 2..3).await.unwrap();
    assert_eq!(numbers(&read_all(&bench, 1).await), [2]);
}

/// A restore gives the database another cluster, which counts transactions from a low number again.
pub(super) async fn w10_a_restored_log_goes_on_in_a_new_epoch(bench: Bench) {
    let log = EventLog::new(&bench.store);
    append_moved(&bench, "a", 1..2).await;
    assert!(!log.check_epoch().await.unwrap());
    if bench.store.engine() == Engine::Sqlite {
        return;
    }
    let before = read_all(&bench, 1).await[0].cursor;
    bench.run("UPDATE evenkeel_event SET txid = txid + 1000000000").await;
    assert!(log.check_epoch().await.unwrap() && !log.check_epoch().await.unwrap());
    append_moved(&bench, "a", 2..3).await;
    let events = read_all(&bench, 2).await;
    assert_eq!(numbers(&events), [1, 2]);
    assert_eq!(events[1].cursor.epoch, before.epoch + 1);
}
