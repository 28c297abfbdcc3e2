//! `web.headers` on its specimens.

use crate::finding::Verdict;
use crate::probes::web::testing::judged;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, get, request};

#[tokio::test(flavor = "multi_thread")]
async fn headers_must_be_on_errors_too_and_without_unsafe_words() {
    assert_eq!(judged("web.headers", "web-good").await, Verdict::Holds);
    for flawed in ["web-bare-errors", "web-unsafe-inline", "border-plain"] {
        assert_eq!(judged("web.headers", flawed).await, Verdict::FallsShort, "{flawed}");
    }
}

#[test]
fn a_fault_of_two_clauses_is_listed_once() {
    let faults = super::policy::faults(&http::HeaderMap::new());
    let told = super::told_once(faults.iter().map(|(_, fault)| fault.as_str()));
    assert_eq!(told.iter().filter(|fault| **fault == "no Content-Security-Policy").count(), 1, "{told:?}");
    assert_eq!(told.len() + 1, faults.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_writes_carry_the_headers_too() {
    let write = |subject: &mut Subject| subject.requests.push(request("POST", "/transfer"));
    let finding = examine_declared("web.headers", "web-bare-writes", write).await;
    falls_short(&finding, &["POST /transfer (201)"]);
    assert_eq!(examine_declared("web.headers", "web-good", write).await.verdict(), Verdict::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsafe_inline_beside_a_nonce_is_no_fault() {
    assert_eq!(judged("web.headers", "web-nonce").await, Verdict::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_of_every_declared_page_are_read() {
    let finding = examine_declared("web.headers", "web-good", |subject| subject.requests.push(get("/elsewhere"))).await;
    assert!(finding.evidence().iter().any(|piece| piece.what.contains("errors carry every header")), "{finding:?}");
}
