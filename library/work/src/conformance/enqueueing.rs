//! Jobs are added with the caller's transaction, within their bounds, once a unique key.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::bench::{Bench, Note, held, note_of, notes_of};
use crate::job::MAX_PAYLOAD;
use crate::{Job, NewJob, Refusal, WorkError, enqueue};

pub(super) async fn w1_a_job_exists_when_its_transaction_commits_and_not_otherwise(bench: Bench) {
    let undone: Result<(), WorkError> = bench
        .store
        .write(|tx| {
            Box::pin(async move {
                enqueue(tx, &Note { n: 1 }).await?;
                Err(Refusal::NoHandler { kind: "the caller fails".to_owned() }.into())
            })
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(bench.live().await, 0);
    let enqueued = bench.enqueue_notes(1..2).await;
    let claimed = bench.claim(10).await;
    assert_eq!((claimed.len(), claimed[0].held.id), (1, enqueued[0].id));
    assert_eq!(claimed[0].message_id, enqueued[0].message_id);
    assert_eq!((claimed[0].attempt, claimed[0].max_attempts), (1, 3));
}

pub(super) async fn w1_a_batch_keeps_its_order_and_its_properties(bench: Bench) {
    let quoted = "it's \"quoted\", \u{e9}\u{1f600} and {\"json\": [1]}";
    let enqueued = bench
        .enqueue(move || {
            let mut jobs: Vec<NewJob> = (0..100).map(|n| Note { n }.job()).collect();
            jobs.push(Note { n: 100 }.job().trace(quoted).max_attempts(7));
            jobs
        })
        .await;
    assert!(enqueued.windows(2).all(|pair| pair[0].id < pair[1].id));
    let claimed = bench.claim(500).await;
    assert_eq!(notes_of(&claimed), (0..101).collect::<Vec<_>>());
    let last = claimed.last().unwrap();
    assert_eq!((last.trace.as_deref(), last.max_attempts), (Some(quoted), 7));
}

pub(super) async fn w7_a_unique_key_gives_the_live_job_that_has_it(bench: Bench) {
    let unique = || vec![Note { n: 1 }.job().unique("daily"), Note { n: 2 }.job(), Note { n: 3 }.job().unique("daily")];
    let first = bench.enqueue(unique).await;
    assert_eq!(first.iter().map(|job| job.is_duplicate).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!((first[2].id, &first[2].message_id), (first[0].id, &first[0].message_id), "the winner is named");
    let claimed = bench.claim(10).await;
    assert!(bench.enqueue(|| vec![Note { n: 4 }.job().unique("daily")]).await[0].is_duplicate, "a running job is live");
    bench.jobs.complete(&held(&claimed)).await.unwrap();
    assert!(!bench.enqueue(|| vec![Note { n: 5 }.job().unique("daily")]).await[0].is_duplicate);
}

pub(super) async fn w7_eight_callers_at_once_add_one_job_of_a_unique_key(bench: Bench) {
    let calls = (0..8).map(|n| {
        let bench = &bench;
        async move { bench.enqueue(move || vec![Note { n }.job().unique("one")]).await.remove(0) }
    });
    let enqueued = join_all(calls).await;
    assert_eq!(enqueued.iter().filter(|job| !job.is_duplicate).count(), 1);
    assert!(enqueued.iter().all(|job| job.id == enqueued[0].id), "{enqueued:?}");
    assert_eq!(bench.live().await, 1);
}

pub(super) async fn w9_a_job_starts_at_its_time_by_the_clock_of_the_database(bench: Bench) {
    let (hour, now) = (Duration::from_secs(3600), SystemTime::now());
    bench
        .enqueue(move || {
            vec![
                Note { n: 1 }.job().after(hour),
                Note { n: 2 }.job().at(now + hour),
                Note { n: 3 }.job().at(now - hour),
                Note { n: 4 }.job(),
            ]
        })
        .await;
    let claimed = bench.claim(10).await;
    assert_eq!(notes_of(&claimed), [3, 4]);
    bench.jobs.complete(&held(&claimed)).await.unwrap();
    bench.end_waits().await;
    assert_eq!(bench.claim(10).await.len(), 2);
}

pub(super) async fn a_job_out_of_its_bounds_is_refused_with_the_bound(bench: Bench) {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Long(String);
    impl Job for Long {
        const KIND: &'static str = "long";
    }
    let long = "x".repeat(MAX_PAYLOAD);
    type Make = fn(&Long) -> NewJob;
    let jobs: [(Make, &str); 6] = [
        (|long| long.job(), "the payload of a long job has 262146 bytes, more than 262144"),
        (|_| Note { n: 1 }.job().order_by("x".repeat(256)), "the order key of a note job has 256 bytes, more than 255"),
        (|_| Note { n: 1 }.job().unique(""), "the unique key of a note job is empty"),
        (|_| Note { n: 1 }.job().queue(""), "the queue of a note job is empty"),
        (|_| Note { n: 1 }.job().priority(10), "the priority 10 is outside of 0 to 9"),
        (|_| Note { n: 1 }.job().max_attempts(0), "the maximum of attempts 0 is outside of 1 to 1000"),
    ];
    let long = Arc::new(Long(long));
    for (job, message) in jobs {
        let refused: Result<(), WorkError> = bench
            .store
            .write(|tx| {
                let long = long.clone();
                Box::pin(async move { enqueue(tx, job(&long)).await.map(drop) })
            })
            .await;
        let error = refused.unwrap_err();
        assert!(matches!(error, WorkError::Refused(_)) && error.to_string().contains(message), "{error}");
    }
    assert_eq!(bench.live().await, 0);
}

pub(super) async fn priorities_start_in_their_order_and_then_by_time(bench: Bench) {
    bench
        .enqueue(|| {
            let priority = |n: i64, priority| Note { n }.job().priority(priority);
            vec![priority(1, 9), priority(2, 0), priority(3, 5), priority(4, 0), priority(5, 9)]
        })
        .await;
    let mut order = Vec::new();
    loop {
        let claimed = bench.claim(2).await;
        if claimed.is_empty() {
            break;
        }
        order.extend(claimed.iter().map(note_of));
    }
    assert_eq!(order, [2, 4, 3, 1, 5]);
}
