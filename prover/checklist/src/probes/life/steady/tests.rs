//! `life.steady` on its specimens.

use crate::clause::prove::soak::DISK;
use crate::finding::Verdict;
use crate::probes::life::steady::testing::{examine, falls_short};
use crate::subject::State;
use crate::testing::mentions;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_keeps_nothing_is_steady_as_far_as_a_short_run_shows() {
    let finding = examine("prove.soak", "steady-good", State::None).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    assert_eq!(finding.verdict_on(DISK), Some(Verdict::Holds), "{finding:#?}");
    mentions(&finding, "in 5s");
    mentions(&finding, "in an hour would not show in this run");
    let finding = examine("life.steady", "steady-good", State::Unsaid).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "what it keeps may be on disk: {finding:#?}");
    mentions(&finding, "declare its folders");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_kept_of_each_request_falls_short() {
    falls_short("life.steady", "steady-leaks-memory", "resident memory").await;
}
