//! `call.bad-answers` on its specimens.

use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::{falls_short, holds, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_must_become_clear_ones() {
    let finding = examine("call.bad-answers", "call-good").await;
    holds(&finding);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_is_made_up_is_no_clear_error_and_one_that_says_so_is() {
    let finding = examine("call.bad-answers", "call-inventing").await;
    falls_short(&finding, &["what is made up: /price"]);
    let finding = examine("call.bad-answers", "call-remembering").await;
    holds(&finding);
}
