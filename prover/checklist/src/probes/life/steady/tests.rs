//! `life.steady` on its specimens.

use crate::finding::Verdict;
use crate::probes::life::steady::testing::{examine, falls_short};
use crate::subject::State;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_keeps_nothing_is_steady() {
    let finding = examine("prove.soak", "steady-good", State::None).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.summary.contains("in 5s"), "it says how long: {}", finding.summary);
    let finding = examine("life.steady", "steady-good", State::Unsaid).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "what it keeps may be on disk: {finding:#?}");
    assert!(finding.summary.contains("declare its folders"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_kept_of_each_request_falls_short() {
    falls_short("life.steady", "steady-leaks-memory", "resident memory").await;
}
