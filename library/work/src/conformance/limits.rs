//! Limits of a queue over all nodes.

use futures_util::future::join_all;

use super::bench::{Bench, held};

pub(super) async fn w5_a_limit_of_running_jobs_holds_over_all_claimers(bench: Bench) {
    bench.enqueue_notes(0..40).await;
    bench.jobs.limit_running("notes", Some(5)).await.unwrap();
    let claimed = join_all((0..8).map(|_| bench.claim(3))).await.concat();
    assert_eq!(claimed.len(), 5);
    bench.jobs.complete(&held(&claimed[..2])).await.unwrap();
    assert_eq!(bench.claim(10).await.len(), 2);
    bench.jobs.limit_running("notes", None).await.unwrap();
    assert_eq!(bench.claim(100).await.len(), 33);
}

pub(super) async fn a_rate_limit_lets_a_burst_pass_and_then_nothing(bench: Bench) {
    bench.enqueue_notes(0..100).await;
    // So slow that no token comes while the case runs.
    bench.jobs.limit_rate("notes", Some(1)).await.unwrap();
    bench.run("UPDATE evenkeel_queue SET rate_per_second = 20, tokens = 20").await;
    assert_eq!(bench.claim(100).await.len(), 20, "the burst");
    bench.run("UPDATE evenkeel_queue SET rate_per_second = 1").await;
    let more = bench.claim(100).await.len() + bench.claim(100).await.len();
    assert!(more <= 1, "{more} more than the burst");
    bench.jobs.limit_rate("notes", None).await.unwrap();
    assert_eq!(bench.claim(500).await.len(), 80 - more);
}
