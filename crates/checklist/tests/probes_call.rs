//! Each probe of chapter `call` on specimens that hold and that do not.

mod specimen;

use checklist::finding::{Finding, Verdict};
use checklist::subject::{Dependencies, Subject};
use specimen::{calls_for_prices, examine_declared};

async fn examine(id: &str, name: &str) -> Finding {
    let finding = examine_declared(id, name, calls_for_prices).await;
    assert!(!finding.evidence.is_empty(), "{finding:?}");
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_wait_for_ever_falls_short() {
    let finding = examine("call.timeout", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.timeout", "call-patient").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

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

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_need_a_dependency_goes_on_without_it() {
    let finding = examine("call.fallback", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.fallback", "call-entangled").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_that_is_declared_needs_the_dependency_nothing_is_known() {
    let finding = examine_declared("call.fallback", "call-good", |subject| {
        calls_for_prices(subject);
        subject.requests.retain(|request| !request.uses.is_empty());
    })
    .await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_not_seen_to_call_is_unknown_and_one_that_calls_nothing_not_examined() {
    for id in ["call.timeout", "call.bad-answers", "call.fallback"] {
        let finding = examine(id, "call-aloof").await;
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        assert!(finding.evidence[0].what.contains("DEPENDENCY_URL"), "{finding:#?}");
        let finding = examine_declared(id, "call-good", |_| {}).await;
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        let none = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
        assert_eq!(examine_declared(id, "call-good", none).await.verdict, Verdict::NotApplicable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_spares_a_failing_dependency_and_lets_calls_come_back() {
    let finding = examine("call.breaker", "calls-breaking").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.breaker", "call-good").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_must_pause_and_differ() {
    let finding = examine("call.retry", "calls-retrying").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.retry", "calls-stubborn").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("at once"), "{}", finding.summary);
    let finding = examine("call.retry", "call-good").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("came 1 times"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_paid_from_a_budget() {
    let finding = examine("call.retry-budget", "calls-retrying").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.retry-budget", "calls-stubborn").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    let finding = examine("call.retry-budget", "call-good").await;
    assert_eq!(finding.verdict, Verdict::NotApplicable, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_that_a_breaker_refuses_say_nothing_of_a_budget() {
    let finding = examine("call.retry-budget", "calls-weary").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("breaker"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_hangs_must_not_starve_others() {
    let finding = examine("call.bulkhead", "calls-partitioned").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.bulkhead", "calls-shared").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    let finding = examine("call.bulkhead", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}
