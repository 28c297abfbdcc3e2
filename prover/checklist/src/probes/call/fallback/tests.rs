//! `call.fallback` on its specimens.

use crate::clause::call::fallback::SAID_SO;
use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::holds_but_for;
use crate::testing::{calls_for_prices, examine_declared};

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_need_a_dependency_goes_on_without_it() {
    let finding = examine("call.fallback", "call-good").await;
    holds_but_for(&finding, &[SAID_SO]);
    let finding = examine("call.fallback", "call-entangled").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_that_is_declared_needs_the_dependency_nothing_is_known() {
    let finding = examine_declared("call.fallback", "call-good", |subject| {
        calls_for_prices(subject);
        subject.requests.retain(|request| !request.uses.is_empty());
    })
    .await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
}
