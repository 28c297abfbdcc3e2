//! Each probe of chapter `web` on specimens that hold and that do not.

mod specimen;

use checklist::finding::Verdict;
use checklist::subject::{RequestSpec, State, Subject};
use specimen::{examine, examine_declared, get, request};

async fn judged(id: &str, name: &str) -> Verdict {
    let finding = examine(id, name).await;
    assert!(!finding.evidence.is_empty(), "{finding:?}");
    finding.verdict
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_must_be_on_errors_too_and_without_unsafe_words() {
    assert_eq!(judged("web.headers", "web-good").await, Verdict::Holds);
    for flawed in ["web-bare-errors", "web-unsafe-inline", "border-plain"] {
        assert_eq!(judged("web.headers", flawed).await, Verdict::FallsShort, "{flawed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_of_every_declared_page_are_read() {
    let finding = examine_declared("web.headers", "web-good", |subject| subject.requests.push(get("/elsewhere"))).await;
    assert!(finding.evidence.iter().any(|piece| piece.what.contains("/elsewhere")), "{finding:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_scripts_can_read_falls_short_and_no_cookie_is_not_applicable() {
    assert_eq!(judged("web.cookies", "web-good").await, Verdict::Holds);
    assert_eq!(judged("web.cookies", "web-open-cookie").await, Verdict::FallsShort);
    assert_eq!(judged("web.cookies", "web-no-cookie").await, Verdict::NotApplicable);
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_txt_is_a_text_with_rules_and_not_the_page_of_every_path() {
    assert_eq!(judged("web.robots", "web-good").await, Verdict::Holds);
    assert_eq!(judged("web.robots", "web-robots-is-page").await, Verdict::FallsShort);
    assert_eq!(judged("web.robots", "web-no-robots").await, Verdict::FallsShort);
}

fn form(subject: &mut Subject) {
    let mut spec = RequestSpec { body: Some("amount=5".into()), ..request("POST", "/transfer") };
    spec.headers.insert("Cookie".into(), "session=abc".into());
    spec.headers.insert("Content-Type".into(), "application/x-www-form-urlencoded".into());
    subject.requests.push(spec);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_a_foreign_page_must_be_refused() {
    assert_eq!(examine_declared("web.csrf", "web-good", form).await.verdict, Verdict::Holds);
    assert_eq!(examine_declared("web.csrf", "web-takes-foreign", form).await.verdict, Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_write_is_unknown_where_no_credentials_were_declared() {
    let bare = |subject: &mut Subject| subject.requests.push(request("POST", "/transfer"));
    assert_eq!(examine_declared("web.csrf", "web-takes-foreign", bare).await.verdict, Verdict::Unknown);
    assert_eq!(examine("web.csrf", "web-good").await.verdict, Verdict::Unknown);
    let stateless = |subject: &mut Subject| subject.state = State::None;
    assert_eq!(examine_declared("web.csrf", "web-good", stateless).await.verdict, Verdict::NotApplicable);
}
