//! Examination of the specimens of the chapter `life` in tests.

use crate::finding::{Finding, Verdict};
use crate::subject::{RequestSpec, State, Subject};
use crate::testing::{examine_declared, get, is_unless_busy, post};

/// The specimen with a folder of its own, which ends with the test.
pub(crate) async fn examine(id: &str, name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let data = folder.path().to_owned();
    let finding = examine_declared(id, name, |subject| {
        subject.ready = Some("/ready".to_owned());
        subject.workdir = data.clone();
        subject.env.insert("LIFE_DATA".to_owned(), data.join("things").display().to_string());
        subject.env.insert("LIFE_NOTICE_MS".to_owned(), "200".to_owned());
        subject.data = vec![data];
        subject.state = State::Durable;
        subject.requests = vec![get("/"), make()];
        declare(subject);
    })
    .await;
    assert!(!finding.evidence().is_empty() || finding.verdict() != Verdict::Holds, "{finding:?}");
    finding
}

pub(crate) fn make() -> RequestSpec {
    RequestSpec {
        headers: [("Idempotency-Key".to_owned(), "{key}".to_owned())].into(),
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        read: Some("/things/{thing}".to_owned()),
        idempotent: Some("Idempotency-Key".to_owned()),
        ..post("/things", serde_json::json!({ "colour": "blue" }))
    }
}

pub(crate) async fn holds(id: &str) {
    let finding = examine(id, "life-good", |_| {}).await;
    is_unless_busy(&finding, Verdict::Holds);
}

/// The specimen falls short of this, unless the machine was too busy to tell.
pub(crate) async fn falls_short(id: &str, name: &str, of: &str) {
    crate::testing::falls_short_unless_busy(&examine(id, name, |_| {}).await, &[of]);
}
