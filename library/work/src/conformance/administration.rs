//! Pause, cancellation and depth.

use std::time::Duration;

use super::bench::{Bench, Note, held};
use crate::job::{Beat, Failure, FailureKind, JobFilter, JobState};
use crate::{Job, WorkError};

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

pub(super) async fn a_paused_kind_gives_no_jobs_and_other_kinds_go_on(bench: Bench) {
    let other = || {
        let mut other = Note { n: 3 }.job();
        other.kind = "other".to_owned();
        other
    };
    bench.enqueue(move || vec![Note { n: 1 }.job(), Note { n: 2 }.job().order_by("a"), other()]).await;
    bench.jobs.pause_kind("note").await.unwrap();
    bench.jobs.pause_kind("note").await.unwrap();
    assert_eq!(bench.jobs.paused_kinds().await.unwrap(), ["note"]);
    let mut both = Bench::request(10);
    both.kinds.push("other".to_owned());
    let kinds: Vec<String> = bench.jobs.claim(&mut both).await.unwrap().into_iter().map(|job| job.kind).collect();
    assert_eq!(kinds, ["other"]);
    bench.jobs.resume_kind("note").await.unwrap();
    assert_eq!(bench.claim(10).await.len(), 2);
    assert!(bench.jobs.paused_kinds().await.unwrap().is_empty());
    for name in [String::new(), "x".repeat(256)] {
        assert!(matches!(bench.jobs.pause_kind(&name).await, Err(WorkError::Refused(_))));
        assert!(matches!(bench.jobs.pause(&name).await, Err(WorkError::Refused(_))));
    }
}

pub(super) async fn a_scheduled_job_starts_now_when_it_is_asked_to(bench: Bench) {
    let later = || vec![Note { n: 1 }.job().after(Duration::from_secs(3600)), Note { n: 2 }.job()];
    let enqueued = bench.enqueue(later).await;
    assert_eq!(bench.claim(10).await.len(), 1);
    let ids = [enqueued[0].id, enqueued[1].id, 1_000_000];
    assert_eq!(bench.jobs.start_now(&ids).await.unwrap(), 1, "the running job and the unknown one are left");
    assert_eq!(bench.claim(10).await.len(), 1);
}

pub(super) async fn jobs_are_listed_in_pages_and_by_queue_kind_and_state(bench: Bench) {
    let ids: Vec<i64> = bench.enqueue_notes(0..5).await.iter().map(|job| job.id).collect();
    let later = bench.enqueue(|| vec![Note { n: 9 }.job().after(Duration::from_secs(3600)).queue("slow")]).await[0].id;
    let running = bench.claim(1).await.remove(0).held.id;
    let all = JobFilter::default();
    let first = bench.jobs.list(&all, 0, 4).await.unwrap();
    let listed = |page: &crate::job::JobPage| page.jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!((listed(&first), first.next), (ids[..4].to_vec(), Some(ids[3])));
    let last = bench.jobs.list(&all, ids[3], 4).await.unwrap();
    assert_eq!((listed(&last), last.next), (vec![ids[4], later], None));
    for (filter, expected) in [
        (JobFilter { state: Some(JobState::Running), ..all.clone() }, vec![running]),
        (JobFilter { state: Some(JobState::Scheduled), ..all.clone() }, vec![later]),
        (JobFilter { queue: Some("slow".to_owned()), ..all.clone() }, vec![later]),
        (JobFilter { kind: Some("other".to_owned()), ..all.clone() }, vec![]),
    ] {
        assert_eq!(listed(&bench.jobs.list(&filter, 0, 100).await.unwrap()), expected, "{filter:?}");
    }
    bench.jobs.cancel(&[running]).await.unwrap();
    let (row, payload, _) = bench.jobs.job(running).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.attempt, payload.as_str()), ("cancelled", 1, "{\"n\":0}"));
    assert!(row.lease_until.is_some() && row.deadline.is_none());
    assert!(bench.jobs.job(1_000_000).await.unwrap().is_none());
    bench.jobs.limit_running("slow", Some(3)).await.unwrap();
    let limits = bench.jobs.queue_limits().await.unwrap();
    assert_eq!((limits.len(), limits[0].queue.as_str(), limits[0].max_running), (1, "slow", Some(3)));
}
