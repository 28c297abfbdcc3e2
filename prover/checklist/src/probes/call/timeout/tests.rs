//! `call.timeout` on its specimens.

use crate::finding::Verdict;
use crate::probes::call::testing::examine;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_wait_for_ever_falls_short() {
    let finding = examine("call.timeout", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.timeout", "call-patient").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}
