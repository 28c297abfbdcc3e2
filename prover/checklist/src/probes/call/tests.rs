//! The probes of chapter `call` at the pace of `keel check`, which their own tests shorten.

use tokio::join;

use crate::finding::Verdict;
use crate::lab::Pace;
use crate::testing::{calls_for_prices, examine_in, is_unless_busy, lab};

/// Examines a specimen with the durations of `keel check`.
async fn at_the_full_pace(id: &str, name: &str, verdict: Verdict) {
    let mut lab = lab(name, calls_for_prices).await;
    lab.pace = Pace::FULL;
    let finding = examine_in(id, &mut lab).await;
    is_unless_busy(&finding, verdict);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn probes_that_repeat_and_break_calls_find_the_same_at_their_full_pace() {
    join!(
        at_the_full_pace("call.breaker", "call-good", Verdict::FallsShort),
        at_the_full_pace("call.retry", "calls-retrying", Verdict::Holds),
        at_the_full_pace("call.retry", "calls-stubborn", Verdict::FallsShort),
    );
    at_the_full_pace("call.retry-budget", "calls-retrying", Verdict::Holds).await;
    at_the_full_pace("call.retry-budget", "calls-stubborn", Verdict::FallsShort).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn probes_that_flood_and_watch_find_the_same_at_their_full_pace() {
    join!(
        at_the_full_pace("call.timeout", "call-patient", Verdict::FallsShort),
        at_the_full_pace("call.bad-answers", "call-good", Verdict::Holds),
        at_the_full_pace("call.fallback", "call-good", Verdict::Holds),
        at_the_full_pace("call.jitter", "periodic-jittered", Verdict::Holds),
        at_the_full_pace("call.jitter", "periodic-even", Verdict::FallsShort),
    );
    at_the_full_pace("call.bulkhead", "calls-partitioned", Verdict::Unknown).await;
    at_the_full_pace("call.bulkhead", "calls-shared", Verdict::FallsShort).await;
}
