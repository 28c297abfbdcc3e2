//! `web.csrf` on its specimens.

use crate::finding::Verdict;
use crate::subject::{RequestSpec, State, Subject};
use crate::testing::{examine, examine_declared, request};

fn form(subject: &mut Subject) {
    let mut spec = RequestSpec { body: Some("amount=5".into()), ..request("POST", "/transfer") };
    spec.headers.insert("Cookie".into(), "session=abc".into());
    spec.headers.insert("Content-Type".into(), "application/x-www-form-urlencoded".into());
    subject.requests.push(spec);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_a_foreign_page_must_be_refused_by_its_origin() {
    assert_eq!(examine_declared("web.csrf", "web-good", form).await.verdict(), Verdict::Holds);
    for flawed in ["web-takes-foreign", "web-ignores-origin"] {
        assert_eq!(examine_declared("web.csrf", flawed, form).await.verdict(), Verdict::FallsShort, "{flawed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_the_service_sets_for_every_site_is_a_session() {
    let bare = |subject: &mut Subject| subject.requests.push(request("POST", "/transfer"));
    assert_eq!(
        examine_declared("web.csrf", "web-takes-foreign", bare).await.verdict(),
        Verdict::Unknown,
        "SameSite=Lax"
    );
    assert_eq!(examine_declared("web.csrf", "web-open-cookie", bare).await.verdict(), Verdict::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_a_token_is_sent_without_it_from_a_foreign_page() {
    let token = |subject: &mut Subject| {
        form(subject);
        subject.requests[0].body = Some("amount=5&csrf_token=known".into());
    };
    assert_eq!(examine_declared("web.csrf", "web-token", token).await.verdict(), Verdict::Holds);
    assert_eq!(examine_declared("web.csrf", "web-takes-foreign", token).await.verdict(), Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_no_refusal_of_a_foreign_page() {
    assert_eq!(examine_declared("web.csrf", "web-conflicts", form).await.verdict(), Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_shown_again_was_not_taken() {
    assert_eq!(examine_declared("web.csrf", "web-form-again", form).await.verdict(), Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_no_form_can_send_is_judged_by_its_preflight() {
    let put = |subject: &mut Subject| {
        form(subject);
        subject.requests[0].method = "PUT".into();
    };
    assert_eq!(examine_declared("web.csrf", "web-takes-foreign", put).await.verdict(), Verdict::Holds);
    assert_eq!(examine_declared("web.csrf", "web-lets-scripts", put).await.verdict(), Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_not_taken_leaves_the_others_in_doubt() {
    let beside = |subject: &mut Subject| {
        form(subject);
        subject.requests.push(RequestSpec { path: "/nowhere".into(), ..subject.requests[0].clone() });
    };
    assert_eq!(examine_declared("web.csrf", "web-good", beside).await.verdict(), Verdict::Unknown);
    assert_eq!(examine_declared("web.csrf", "web-takes-foreign", beside).await.verdict(), Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_form_without_a_session_is_not_accused() {
    let public = |subject: &mut Subject| {
        form(subject);
        subject.requests[0].headers.remove("Cookie");
    };
    let finding = examine_declared("web.csrf", "web-public-form", public).await;
    assert_eq!(finding.verdict(), Verdict::NotApplicable, "{finding:?}");
    assert!(finding.evidence()[0].what.contains("nothing that a browser attaches"), "{finding:?}");
    assert_eq!(examine("web.csrf", "web-good").await.verdict(), Verdict::Unknown);
    let stateless = |subject: &mut Subject| subject.state = State::None;
    assert_eq!(examine_declared("web.csrf", "web-good", stateless).await.verdict(), Verdict::NotApplicable);
}
