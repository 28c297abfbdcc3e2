//! `call.bulkhead` on its specimens.

use crate::finding::Verdict;
use crate::probes::call::testing::examine;

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_hangs_must_not_starve_others() {
    let finding = examine("call.bulkhead", "calls-partitioned").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.summary.contains("at most 8 calls"), "{}", finding.summary);
    let finding = examine("call.bulkhead", "calls-shared").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_only_time_out_are_no_bound() {
    let finding = examine("call.bulkhead", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("no bound"), "{}", finding.summary);
    let finding = examine("call.bulkhead", "calls-trickling").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("no bound"), "{}", finding.summary);
}
