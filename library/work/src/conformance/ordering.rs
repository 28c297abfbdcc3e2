//! Order by key.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;

use super::bench::{Bench, Note, held, note_of, notes_of};
use crate::Job;
use crate::job::{Failure, FailureKind};

/// Enqueues `jobs` jobs of each of `keys` keys; the number of a job is `key * 100 + place`.
async fn enqueue_keys(bench: &Bench, keys: i64, jobs: i64) {
    let all = move || {
        let of_place =
            |place| (0..keys).map(move |key| Note { n: key * 100 + place }.job().order_by(format!("k{key:03}")));
        (0..jobs).flat_map(of_place).collect()
    };
    bench.enqueue(all).await;
}

pub(super) async fn w6_jobs_of_a_key_run_one_after_the_other_in_their_order(bench: Bench) {
    enqueue_keys(&bench, 3, 4).await;
    bench.enqueue_notes(1000..1002).await;
    let mut seen: HashMap<i64, Vec<i64>> = HashMap::new();
    for round in 0..4 {
        let claimed = bench.claim(100).await;
        assert_eq!(claimed.len(), if round == 0 { 5 } else { 3 }, "one of each key, and those without a key");
        assert!(bench.claim(100).await.is_empty(), "each key has a running job");
        for note in notes_of(&claimed) {
            seen.entry(note / 100).or_default().push(note % 100);
        }
        bench.jobs.complete(&held(&claimed)).await.unwrap();
    }
    assert!((0..3).all(|key| seen[&key] == [0, 1, 2, 3]), "{seen:?}");
    assert_eq!(bench.live().await, 0);
}

pub(super) async fn w6_a_retry_holds_its_successors_up_and_other_keys_go_on(bench: Bench) {
    enqueue_keys(&bench, 2, 2).await;
    let claimed = bench.claim(10).await;
    assert_eq!(notes_of(&claimed), [0, 100]);
    let kind = FailureKind::Retry(Duration::from_secs(3600));
    bench.jobs.fail(&[Failure { held: claimed[0].held, kind, error: String::new() }]).await.unwrap();
    bench.jobs.complete(&[claimed[1].held]).await.unwrap();
    assert_eq!(notes_of(&bench.claim(10).await), [101], "the first key waits for its retry");
    bench.end_waits().await;
    assert_eq!(notes_of(&bench.claim(10).await), [0]);
    bench.end_leases().await;
    bench.sweep().await;
    // A dead letter lets the next job of its key pass.
    let claimed = bench.claim(10).await;
    let first = claimed.iter().find(|job| note_of(job) == 0).unwrap();
    bench
        .jobs
        .fail(&[Failure { held: first.held, kind: FailureKind::Dead("permanent"), error: String::new() }])
        .await
        .unwrap();
    assert!(notes_of(&bench.claim(10).await).contains(&1));
}

pub(super) async fn w6_keys_behind_the_cursor_get_their_turn(bench: Bench) {
    enqueue_keys(&bench, 10, 3).await;
    let mut request = Bench::request(2);
    let mut keys = Vec::new();
    for _ in 0..5 {
        let claimed = bench.jobs.claim(&mut request).await.unwrap();
        keys.extend(claimed.iter().map(|job| note_of(job) / 100));
        bench.jobs.complete(&held(&claimed)).await.unwrap();
    }
    keys.sort_unstable();
    assert_eq!(keys, (0..10).collect::<Vec<_>>(), "no key has a second turn before all had a first one");
}

pub(super) async fn w5_two_claimers_never_run_two_jobs_of_one_key(bench: Bench) {
    enqueue_keys(&bench, 5, 8).await;
    let claimers = (0..4).map(|_| async {
        let mut mine = Vec::new();
        for _ in 0..400 {
            let claimed = bench.claim(3).await;
            let keys: HashSet<i64> = claimed.iter().map(|job| note_of(job) / 100).collect();
            assert_eq!(keys.len(), claimed.len(), "one job of a key");
            mine.extend(notes_of(&claimed));
            bench.jobs.complete(&held(&claimed)).await.unwrap();
            if bench.live().await == 0 {
                return mine;
            }
        }
        mine
    });
    let mut all = join_all(claimers).await.concat();
    all.sort_unstable();
    let expected: Vec<i64> = (0..5).flat_map(|key| (0..8).map(move |place| key * 100 + place)).collect();
    assert_eq!(all, expected);
}
