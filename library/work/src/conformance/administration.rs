//! Pause, cancellation and depth.

use std::time::Duration;

use super::bench::{Bench, Note, held};
use crate::Job;
use crate::job::{Beat, Failure, FailureKind};

pub(super) async fn a_paused_queue_gives_no_jobs_until_it_is_resumed(bench: Bench) {
    bench.enqueue(|| vec![Note { n: 1 }.job(), Note { n: 2 }.job().order_by("a")]).await;
    bench.jobs.pause("notes").await.unwrap();
    assert!(bench.claim(10).await.is_empty());
    assert!(bench.jobs.depth("notes").await.unwrap().is_paused);
    bench.jobs.resume("notes").await.unwrap();
    assert_eq!(bench.claim(10).await.len(), 2);
}

pub(super) async fn a_ready_job_is_cancelled_at_once_and_a_running_one_with_its_heartbeat(bench: Bench) {
    let enqueued = bench.enqueue_notes(0..3).await;
    let running = bench.claim(1).await.remove(0).held;
    let ids = [enqueued[0].id, enqueued[1].id, 1_000_000];
    assert_eq!(bench.jobs.cancel(&ids).await.unwrap(), 2);
    assert_eq!(bench.live().await, 2);
    let beats = bench.jobs.beat(&[(running, String::new())], Duration::from_secs(30)).await.unwrap();
    assert_eq!(beats, [Beat { id: running.id, is_cancelled: true }]);
    // Also a failure that asks for another attempt ends a cancelled job.
    let kind = FailureKind::Retry(Duration::ZERO);
    let finished = bench.jobs.fail(&[Failure { held: running, kind, error: String::new() }]).await.unwrap();
    assert_eq!(finished.cancelled, [running.id]);
    assert_eq!((bench.live().await, bench.dead().await), (1, 0));
}

pub(super) async fn the_depth_counts_the_jobs_of_each_state(bench: Bench) {
    bench.enqueue_notes(0..4).await;
    bench.enqueue(|| vec![Note { n: 9 }.job().after(Duration::from_secs(3600))]).await;
    let claimed = bench.claim(2).await;
    let kind = FailureKind::Dead("permanent");
    bench.jobs.fail(&[Failure { held: held(&claimed)[0], kind, error: String::new() }]).await.unwrap();
    let depth = bench.jobs.depth("notes").await.unwrap();
    assert_eq!((depth.ready, depth.scheduled, depth.running, depth.dead), (2, 1, 1, 1));
    assert!(!depth.is_paused && depth.oldest < Duration::from_secs(600), "{depth:?}");
}
