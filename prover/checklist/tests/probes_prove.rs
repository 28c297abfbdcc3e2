//! Each probe of chapter `prove`, and `life.steady` which judges alike, on specimens that hold and that do not.

mod specimen;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::subject::State;
use specimen::{examine_declared, get};

async fn examine(id: &str, name: &str, state: State) -> Finding {
    examine_declared(id, name, |subject| {
        subject.requests = vec![get("/")];
        subject.state = state;
    })
    .await
}

async fn falls_short(id: &str, name: &str, of: &str) {
    let finding = examine(id, name, State::Unsaid).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains(of), "{name} falls short of {of:?}: {}", finding.summary);
}

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

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_that_are_kept_of_each_request_fall_short() {
    falls_short("prove.soak", "steady-leaks-descriptors", "open descriptors").await;
}
