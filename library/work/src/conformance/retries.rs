//! Attempts: bounded, counted, and remembered.

use std::time::Duration;

use store::args;

use super::bench::{Bench, held};
use crate::job::{Failure, FailureKind};

fn retry(held: crate::job::Held, error: &str) -> Failure {
    Failure { held, kind: FailureKind::Retry(Duration::ZERO), error: error.to_owned() }
}

pub(super) async fn w3_a_job_is_tried_at_most_as_often_as_it_may(bench: Bench) {
    let enqueued = bench.enqueue_notes(1..2).await;
    for attempt in 1..=3 {
        let claimed = bench.claim(1).await;
        assert_eq!(claimed[0].attempt, attempt);
        let finished = bench.jobs.fail(&[retry(claimed[0].held, "no luck")]).await.unwrap();
        assert_eq!((finished.retried.len(), finished.dead.len()), if attempt < 3 { (1, 0) } else { (0, 1) });
    }
    assert_eq!((bench.live().await, bench.dead().await), (0, 1));
    let dead = bench.jobs.dead_letters("notes", 0, 10).await.unwrap().remove(0);
    assert_eq!((dead.reason.as_str(), dead.error.as_str(), dead.attempts), ("attempts", "no luck", 3));
    assert_eq!(dead.message_id, enqueued[0].message_id);
}

pub(super) async fn w8_a_job_whose_worker_dies_every_time_becomes_a_dead_letter(bench: Bench) {
    bench.enqueue_notes(1..2).await;
    for _ in 0..3 {
        assert_eq!(bench.claim(1).await.len(), 1);
        bench.end_leases().await;
        bench.sweep().await;
    }
    assert_eq!((bench.live().await, bench.dead().await), (0, 1));
    let dead = bench.jobs.dead_letters("notes", 0, 10).await.unwrap().remove(0);
    assert_eq!((dead.reason.as_str(), dead.attempts), ("lease", 3));
}

pub(super) async fn a_job_that_was_handed_back_loses_no_attempt(bench: Bench) {
    bench.enqueue_notes(0..2).await;
    for _ in 0..10 {
        let claimed = held(&bench.claim(2).await);
        let back = |held| Failure { held, kind: FailureKind::HandBack, error: String::new() };
        let failures: Vec<Failure> = claimed.into_iter().map(back).collect();
        assert_eq!(bench.jobs.fail(&failures).await.unwrap().retried.len(), 2);
    }
    assert!(bench.claim(2).await.iter().all(|job| job.attempt == 1));
}

pub(super) async fn the_errors_of_all_attempts_are_kept_until_the_job_is_done(bench: Bench) {
    let message_id = bench.enqueue_notes(1..2).await.remove(0).message_id;
    for error in ["first", "second"] {
        let claimed = bench.claim(1).await;
        bench.jobs.fail(&[retry(claimed[0].held, error)]).await.unwrap();
    }
    let errors = bench.jobs.errors_of(&message_id).await.unwrap();
    let errors: Vec<_> = errors.iter().map(|error| (error.attempt, error.error.as_str())).collect();
    assert_eq!(errors, [(1, "first"), (2, "second")]);
    let claimed = held(&bench.claim(1).await);
    assert_eq!(bench.jobs.complete(&claimed).await.unwrap().completed.len(), 1);
    assert_eq!(bench.number("SELECT COUNT(*) FROM evenkeel_job_error", args![]).await, 0);
}
