//! `call.bad-answers` on its specimens.

use crate::finding::Verdict;
use crate::probes::call::testing::examine;

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_must_become_clear_ones() {
    let finding = examine("call.bad-answers", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.bad-answers", "call-trusting").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("bad bytes"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_grows_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-greedy").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("resident memory"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-mortal").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("ended"), "{}", finding.summary);
}
