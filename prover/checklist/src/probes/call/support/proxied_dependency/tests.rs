//! The prologue of `call.timeout`, `call.bad-answers` and `call.fallback` where there is nothing to examine.

use std::time::Duration;

use super::unrecovered;
use crate::clause::call::timeout::DEADLINE;
use crate::finding::{Bearing, Verdict};
use crate::probes::call::testing::examine;
use crate::subject::{Dependencies, RequestSpec, Subject};
use crate::testing::exchange::{after, answered, unanswered};
use crate::testing::{calls_for_prices, examine_declared, get, mentions};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_calls_after_its_answer_leaves_no_gap_and_one_that_waits_for_its_call_does() {
    let prices = || vec!["prices".to_owned()];
    let order = RequestSpec { uses: prices(), later: prices(), expect: Some(202), ..get("/order") };
    let declared = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.requests.push(order.clone());
    };
    let finding = examine_declared("call.timeout", "call-good", declared).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    mentions(&finding, "GET /order calls prices after its answer, as declared with `later`");

    let wrongly = |subject: &mut Subject| {
        declared(subject);
        subject.requests.push(RequestSpec { uses: prices(), later: prices(), ..get("/price?again") });
    };
    let finding = examine_declared("call.timeout", "call-good", wrongly).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "take prices out of its `later`");
}

#[test]
fn a_service_that_refuses_without_a_call_long_after_the_repair_may_have_an_open_breaker() {
    let deadline = Duration::from_secs(2);
    let bearing = |exchange, calls| unrecovered(DEADLINE, ("prices", "price"), &exchange, deadline, calls).bearing();
    assert_eq!(bearing(answered(503, &[], ""), false), Bearing::Gap);
    assert_eq!(bearing(answered(503, &[], ""), true), Bearing::Against, "it calls, and fails all the same");
    assert_eq!(bearing(unanswered(), false), Bearing::Against, "it hangs");
    assert_eq!(bearing(after(deadline * 2, answered(503, &[], "")), false), Bearing::Against, "it refuses late");
    assert_eq!(bearing(answered(404, &[], ""), false), Bearing::Against);
}
