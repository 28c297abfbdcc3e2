//! Dead letters: inspected, edited, redriven, dropped, bounded.

use std::time::Duration;

use store::args;

use super::bench::{Bench, Note, note_of};
use crate::Job;
use crate::job::{Failure, FailureKind};

/// Makes dead letters of all ready jobs.
async fn kill_all(bench: &Bench) {
    let failure = |held| Failure { held, kind: FailureKind::Dead("permanent"), error: "broken".to_owned() };
    let failures: Vec<Failure> = bench.claim(500).await.iter().map(|job| failure(job.held)).collect();
    bench.jobs.fail(&failures).await.unwrap();
}

pub(super) async fn a_dead_letter_is_inspected_edited_and_redriven(bench: Bench) {
    let enqueued = bench.enqueue(|| vec![Note { n: 1 }.job().trace("00-trace").priority(2), Note { n: 2 }.job()]).await;
    kill_all(&bench).await;
    let dead = bench.jobs.dead_letters("notes", 0, 10).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!(bench.jobs.dead_letters("notes", dead[0].id, 10).await.unwrap(), dead[1..], "the list is paged");
    let page = bench.jobs.dead_page(None, 0, 1).await.unwrap();
    assert_eq!((page.len(), page[0].id, page[0].payload.as_str()), (1, dead[0].id, ""));
    assert_eq!(bench.jobs.dead_page(Some("notes"), dead[0].id, 10).await.unwrap()[0].id, dead[1].id);
    assert!(bench.jobs.dead_page(Some("other"), 0, 10).await.unwrap().is_empty());
    assert_eq!(bench.jobs.dead_letter(dead[1].id).await.unwrap().as_ref(), dead.last());
    let first = dead.iter().find(|dead| dead.message_id == enqueued[0].message_id).unwrap();
    assert_eq!((first.reason.as_str(), first.error.as_str()), ("permanent", "broken"));
    assert_eq!((first.payload.as_str(), first.trace.as_deref()), ("{\"n\":1}", Some("00-trace")));
    assert_eq!(bench.jobs.errors_of(&first.message_id).await.unwrap().len(), 1);
    assert!(bench.jobs.edit_dead_letter(first.id, &serde_json::json!({ "n": 7 })).await.unwrap());
    assert!(!bench.jobs.edit_dead_letter(1_000_000, &serde_json::json!({})).await.unwrap());
    assert_eq!(bench.jobs.redrive(&[first.id, 1_000_000]).await.unwrap().len(), 1);
    let again = bench.claim(10).await.remove(0);
    assert_eq!((note_of(&again), again.attempt, again.redrives, again.priority), (7, 1, 1, 2));
    assert_eq!(again.message_id, first.message_id);
    let other = dead.iter().find(|dead| dead.id != first.id).unwrap();
    assert_eq!(bench.jobs.drop_dead(&[other.id]).await.unwrap(), 1);
    assert_eq!(bench.dead().await, 0);
    let errors = bench.number("SELECT COUNT(*) FROM evenkeel_job_error", args![]).await;
    assert_eq!(errors, 1, "those of the dropped one are gone, those of the redriven one stay");
}

pub(super) async fn a_dead_letter_whose_unique_key_is_taken_stays(bench: Bench) {
    let unique = || vec![Note { n: 1 }.job().unique("one")];
    bench.enqueue(unique).await;
    kill_all(&bench).await;
    assert!(!bench.enqueue(unique).await[0].is_duplicate, "a dead letter holds no unique key");
    let dead = bench.jobs.dead_letters("notes", 0, 10).await.unwrap().remove(0);
    assert!(bench.jobs.redrive(&[dead.id]).await.unwrap().is_empty());
    assert_eq!((bench.live().await, bench.dead().await), (1, 1));
}

pub(super) async fn dead_letters_are_bounded_by_age_and_number(bench: Bench) {
    bench.enqueue_notes(0..20).await;
    kill_all(&bench).await;
    let (month, bound) = (Duration::from_secs(30 * 86_400), 100);
    assert_eq!(bench.jobs.purge_dead("notes", month, bound).await.unwrap(), 0);
    assert_eq!(bench.jobs.purge_dead("notes", month, 15).await.unwrap(), 5);
    assert_eq!(bench.jobs.purge_dead("other", month, 1).await.unwrap(), 0);
    bench
        .run("UPDATE evenkeel_dead SET died_at = 1 WHERE id IN (SELECT id FROM evenkeel_dead ORDER BY id LIMIT 3)")
        .await;
    assert_eq!(bench.jobs.purge_dead("notes", month, bound).await.unwrap(), 3);
    assert_eq!(bench.dead().await, 12);
    assert_eq!(bench.number("SELECT COUNT(*) FROM evenkeel_job_error", args![]).await, 12);
}
