//! `call.bad-answers` on its specimens.

use crate::clause::call::bad_answers::{OVERSIZED, SLOW};
use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::holds_but_for;
use crate::testing::mentions;

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_must_become_clear_ones() {
    let finding = examine("call.bad-answers", "call-good").await;
    holds_but_for(&finding, &[SLOW, OVERSIZED]);
    let finding = examine("call.bad-answers", "call-trusting").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "bad bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_grows_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-greedy").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "resident memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-mortal").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "ended");
}
