//! Examination of specimens by the probes of steadiness, in tests.

use crate::finding::{Finding, Verdict};
use crate::subject::State;
use crate::testing::{examine_declared, get};

pub(crate) async fn examine(id: &str, name: &str, state: State) -> Finding {
    examine_declared(id, name, |subject| {
        subject.requests = vec![get("/")];
        subject.state = state;
    })
    .await
}

pub(crate) async fn falls_short(id: &str, name: &str, of: &str) {
    let finding = examine(id, name, State::Unsaid).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary().contains(of), "{name} falls short of {of:?}: {}", finding.summary());
}
