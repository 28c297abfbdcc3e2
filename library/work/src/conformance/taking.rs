//! Jobs that are taken out of their queue in the transaction of their effect.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use store::{Isolation, StoreError, args};

use super::bench::{Bench, Note, held, note_of, notes_of};
use crate::job::take::take;
use crate::job::{ClaimedJob, Failure, FailureKind};
use crate::{Job, WorkError};

const EFFECT: &str = "INSERT INTO effects (n, attempt) VALUES ($1, $2)";

/// Takes jobs, writes the effect of each, and commits or not.
async fn take_with_effects(bench: &Bench, limit: usize, commit: bool) -> Vec<ClaimedJob> {
    let request = Bench::request(limit);
    let seen: Arc<Mutex<Vec<ClaimedJob>>> = Arc::default();
    let taken: Result<(), WorkError> = bench
        .store
        .write_at(Isolation::ReadCommitted, |tx| {
            let (request, seen) = (request.clone(), seen.clone());
            Box::pin(async move {
                let jobs = take(tx, &request).await?;
                for job in &jobs {
                    tx.execute(EFFECT, args![note_of(job), i64::from(job.attempt)]).await?;
                }
                *seen.lock().unwrap() = jobs;
                if commit { Ok(()) } else { Err(WorkError::Retry(StoreError::Other(store::sqlx::Error::RowNotFound))) }
            })
        })
        .await;
    assert_eq!(taken.is_ok(), commit);
    std::mem::take(&mut *seen.lock().unwrap())
}

pub(super) async fn w3_a_taken_job_is_done_with_its_transaction_and_ready_without_it(bench: Bench) {
    bench.enqueue_notes(0..5).await;
    let failed = bench.claim(1).await.remove(0);
    let again = FailureKind::Retry(Duration::ZERO);
    bench.jobs.fail(&[Failure { held: failed.held, kind: again, error: "why".to_owned() }]).await.unwrap();
    assert_eq!(take_with_effects(&bench, 10, false).await.len(), 5);
    assert_eq!((bench.live().await, bench.number("SELECT COUNT(*) FROM effects", args![]).await), (5, 0));
    let taken = take_with_effects(&bench, 10, true).await;
    let attempts: Vec<u32> =
        taken.iter().filter(|job| note_of(job) == note_of(&failed)).map(|job| job.attempt).collect();
    assert_eq!((taken.len(), attempts), (5, vec![2]));
    assert_eq!((bench.live().await, bench.number("SELECT COUNT(*) FROM effects", args![]).await), (0, 5));
    assert_eq!(
        bench.number("SELECT COUNT(*) FROM evenkeel_job_error", args![]).await,
        0,
        "a job that is done keeps no errors"
    );
}

pub(super) async fn w3_eight_takers_beside_claimers_give_each_job_to_one(bench: Bench) {
    bench.enqueue_notes(0..400).await;
    let workers = (0..8).map(|number| {
        let bench = &bench;
        async move {
            let mut mine = Vec::new();
            loop {
                let jobs =
                    if number % 4 == 0 { bench.claim(25).await } else { take_with_effects(bench, 25, true).await };
                if jobs.is_empty() {
                    return mine;
                }
                if number % 4 == 0 {
                    assert_eq!(bench.jobs.complete(&held(&jobs)).await.unwrap().count(), jobs.len());
                }
                mine.extend(notes_of(&jobs));
            }
        }
    });
    let notes: Vec<i64> = join_all(workers).await.concat();
    let each: HashSet<i64> = notes.iter().copied().collect();
    assert_eq!((notes.len(), each.len(), bench.live().await), (400, 400, 0));
}

pub(super) async fn a_job_that_only_workers_may_run_is_not_taken(bench: Bench) {
    bench
        .enqueue(|| {
            let hour = Duration::from_secs(3600);
            let late = Note { n: 3 }.job().deadline(Duration::from_nanos(1));
            vec![Note { n: 1 }.job().order_by("a"), Note { n: 2 }.job().after(hour), late, Note { n: 4 }.job()]
        })
        .await;
    bench.jobs.pause("notes").await.unwrap();
    assert!(take_with_effects(&bench, 10, true).await.is_empty(), "the queue is paused");
    bench.jobs.resume("notes").await.unwrap();
    assert_eq!(notes_of(&take_with_effects(&bench, 10, true).await), [4]);
    assert_eq!(bench.live().await, 3);
}
