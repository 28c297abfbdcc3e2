//! The prologue of `call.timeout`, `call.bad-answers` and `call.fallback` where there is nothing to examine.

use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::subject::{Dependencies, Subject};
use crate::testing::examine_declared;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_not_seen_to_call_is_unknown_and_one_that_calls_nothing_not_examined() {
    for id in ["call.timeout", "call.bad-answers", "call.fallback"] {
        let finding = examine(id, "call-aloof").await;
        assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        crate::testing::mentions(&finding, "DEPENDENCY_URL");
        let finding = examine_declared(id, "call-good", |_| {}).await;
        assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        let none = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
        assert_eq!(examine_declared(id, "call-good", none).await.verdict(), Verdict::NotApplicable);
    }
}
