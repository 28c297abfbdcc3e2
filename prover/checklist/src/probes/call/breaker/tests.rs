//! `call.breaker` on its specimens.

use tokio::join;

use crate::clause::call::breaker::SLOW_CALLS;
use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::holds_but_for;
use crate::testing::mentions;

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_spares_a_failing_dependency_and_lets_calls_come_back() {
    let (breaks, calls_on) = join!(examine("call.breaker", "calls-breaking"), examine("call.breaker", "call-good"));
    holds_but_for(&breaks, &[SLOW_CALLS]);
    assert_eq!(calls_on.verdict(), Verdict::FallsShort, "{calls_on:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_must_open_when_calls_time_out_too() {
    let finding = examine("call.breaker", "calls-forgiving").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "silent");
}
