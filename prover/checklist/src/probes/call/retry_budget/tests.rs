//! `call.retry-budget` on its specimens.

use tokio::join;

use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::mentions;

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_paid_from_a_budget() {
    let (retrying, calls_once) =
        join!(examine("call.retry-budget", "calls-retrying"), examine("call.retry-budget", "call-good"));
    assert_eq!(retrying.verdict(), Verdict::Holds, "{retrying:#?}");
    assert_eq!(calls_once.verdict(), Verdict::NotApplicable, "{calls_once:#?}");
    let finding = examine("call.retry-budget", "calls-stubborn").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_seen_although_only_successes_pay_for_them() {
    let (retry, budget) = join!(examine("call.retry", "calls-thrifty"), examine("call.retry-budget", "calls-thrifty"));
    for finding in [retry, budget] {
        assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_behind_a_breaker_is_seen_while_some_calls_fail() {
    let finding = examine("call.retry-budget", "calls-sparing").await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    mentions(&finding, "failing 30 %");
    let finding = examine("call.retry-budget", "calls-weary").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "failing 30 %");
}
