//! Leases and fences: one holder at a time, and no write of an earlier one.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use store::args;

use super::bench::{Bench, held};
use crate::Job;
use crate::job::{Beat, Failure, FailureKind, Held};

pub(super) async fn w3_a_job_is_claimed_by_one_of_eight_claimers(bench: Bench) {
    bench.enqueue_notes(0..400).await;
    let claimers = (0..8).map(|_| async {
        let mut mine = Vec::new();
        loop {
            let claimed = bench.claim(25).await;
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(held(&claimed));
        }
    });
    let claimed: Vec<Held> = join_all(claimers).await.concat();
    let ids: HashSet<i64> = claimed.iter().map(|held| held.id).collect();
    assert_eq!((claimed.len(), ids.len()), (400, 400));
}

/// Claims a job, lets its lease end, and claims it again: the fences of both claims.
async fn zombie_and_successor(bench: &Bench) -> (Held, Held) {
    bench.enqueue_notes(1..2).await;
    let zombie = bench.claim(1).await[0].held;
    bench.end_leases().await;
    assert_eq!(bench.sweep().await.retried, [zombie.id]);
    let successor = bench.claim(1).await[0].held;
    assert_eq!(successor.id, zombie.id);
    (zombie, successor)
}

pub(super) async fn w4_a_worker_past_its_lease_changes_nothing(bench: Bench) {
    let (zombie, successor) = zombie_and_successor(&bench).await;
    let row = "SELECT fence * 1000 + attempt * 10 + state FROM evenkeel_job";
    let before = bench.number(row, args![]).await;
    assert_eq!(bench.jobs.complete(&[zombie]).await.unwrap().count(), 0);
    let kinds = [
        FailureKind::Retry(Duration::ZERO),
        FailureKind::Snooze(Duration::ZERO),
        FailureKind::HandBack,
        FailureKind::Interrupted,
        FailureKind::Dead("permanent"),
        FailureKind::Cancelled,
    ];
    for kind in kinds {
        let failure = Failure { held: zombie, kind, error: String::new() };
        assert_eq!(bench.jobs.fail(&[failure]).await.unwrap().count(), 0, "{kind:?}");
    }
    let beats = bench.jobs.beat(&[(zombie, "late".to_owned())], Duration::from_secs(30)).await.unwrap();
    assert_eq!(beats, []);
    assert_eq!(bench.number(row, args![]).await, before);
    assert_eq!(bench.number("SELECT COUNT(*) FROM evenkeel_job WHERE progress IS NOT NULL", args![]).await, 0);
    assert_eq!((bench.live().await, bench.dead().await), (1, 0));
    assert_eq!(bench.jobs.complete(&[successor]).await.unwrap().completed, [successor.id]);
}

/// The control of the case above: a completion that names the job alone, as queues without a fence do, ends the successor's attempt.
pub(super) async fn w4_a_zombie_does_complete_a_job_when_the_fence_is_removed(bench: Bench) {
    let (zombie, successor) = zombie_and_successor(&bench).await;
    let fence = bench.number("SELECT fence FROM evenkeel_job WHERE id = $1", args![zombie.id]).await;
    let without_fence = Held { id: zombie.id, fence };
    assert_eq!(bench.jobs.complete(&[without_fence]).await.unwrap().completed, [zombie.id]);
    assert_eq!(
        bench.jobs.complete(&[successor]).await.unwrap().count(),
        0,
        "the successor works on a job that is gone"
    );
}

pub(super) async fn w4_the_fence_of_a_job_only_rises(bench: Bench) {
    bench.enqueue_notes(1..2).await;
    let mut fences = Vec::new();
    let kinds = [
        FailureKind::HandBack,
        FailureKind::Snooze(Duration::ZERO),
        FailureKind::Interrupted,
        FailureKind::Retry(Duration::ZERO),
    ];
    for kind in kinds {
        let claimed = bench.claim(1).await;
        fences.push(claimed[0].held.fence);
        let failure = Failure { held: claimed[0].held, kind, error: String::new() };
        assert_eq!(bench.jobs.fail(&[failure]).await.unwrap().retried.len(), 1, "{kind:?}");
    }
    assert!(fences.windows(2).all(|pair| pair[0] < pair[1]), "{fences:?}");
    let last = bench.claim(1).await.remove(0);
    assert_eq!(last.attempt, 3, "two of the four did not count");
}

pub(super) async fn w5_a_heartbeat_keeps_the_job_and_names_the_jobs_that_are_gone(bench: Bench) {
    bench.enqueue_notes(0..3).await;
    let claimed = held(&bench.claim(3).await);
    bench.end_leases().await;
    bench.jobs.complete(&claimed[..1]).await.unwrap();
    let progress = |text: &str| text.to_owned();
    let sent = [(claimed[0], progress("")), (claimed[1], progress("half")), (claimed[2], progress(""))];
    let mut beats = bench.jobs.beat(&sent, Duration::from_secs(30)).await.unwrap();
    beats.sort_by_key(|beat| beat.id);
    let kept = |held: Held| Beat { id: held.id, is_cancelled: false };
    assert_eq!(beats, [kept(claimed[1]), kept(claimed[2])]);
    assert_eq!(bench.sweep().await.count(), 0, "the leases were extended");
    assert_eq!(bench.number("SELECT COUNT(*) FROM evenkeel_job WHERE progress = 'half'", args![]).await, 1);
    bench.end_leases().await;
    assert_eq!(bench.sweep().await.retried.len(), 2);
}

pub(super) async fn w2_a_job_of_a_kind_without_handler_stays(bench: Bench) {
    bench.enqueue_notes(1..2).await;
    let mut other = Bench::request(10);
    other.kinds = vec!["other".to_owned()];
    assert!(bench.jobs.claim(&mut other).await.unwrap().is_empty());
    assert_eq!(bench.claim(10).await.len(), 1);
}

pub(super) async fn a_claim_behind_the_floor_takes_each_job_once(bench: Bench) {
    bench.enqueue_notes(0..100).await;
    let mut request = Bench::request(10);
    let mut ids = HashSet::new();
    for _ in 0..5 {
        let claimed = bench.jobs.claim(&mut request).await.unwrap();
        assert_eq!(claimed.len(), 10);
        request.floors.raise(&claimed);
        ids.extend(claimed.iter().map(|job| job.held.id));
    }
    // A job before the floor is found from the front alone.
    bench.enqueue(|| vec![super::bench::Note { n: 500 }.job().at(std::time::UNIX_EPOCH)]).await;
    request.limit = 500;
    let behind = bench.jobs.claim(&mut request).await.unwrap();
    assert_eq!(behind.len(), 50);
    ids.extend(behind.iter().map(|job| job.held.id));
    assert_eq!(ids.len(), 100);
    assert_eq!(bench.claim(500).await.len(), 1);
}
