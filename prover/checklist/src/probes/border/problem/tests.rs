//! `border.problem` on its specimens.

use super::*;
use crate::probes::border::testing::things;
use crate::subject::{RequestSpec, Subject};
use crate::testing::{examine_declared, falls_short, get, holds, is_unknown};

/// The things, and one request that fails in the service.
fn failing(subject: &mut Subject) {
    things(subject);
    subject.requests.push(RequestSpec { expect: Some(500), ..get("/report") });
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_problem_documents() {
    holds(&examine_declared("border.problem", "border-sound", failing).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_one_declared_error_that_shows_the_inside() {
    let finding = examine_declared("border.problem", "border-leaks-in-report", failing).await;
    falls_short(&finding, &["GET /report, of the mix (500): it shows a Python traceback", "text/plain instead of"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_client_alone_are_not_every_error() {
    let finding = examine_declared("border.problem", "border-leaks-in-report", things).await;
    is_unknown(&finding, "no 5xx was seen");
    assert_eq!(finding.seen().0, 0, "{finding:#?}");
}

#[test]
fn the_path_that_was_asked_for_is_no_leak() {
    let text = r#"{"type":"about:blank","instance":"/home/feed","detail":"No static resource /home/feed."}"#;
    assert_eq!(leaks(&without_path(text, "/home/feed?page=2")), Vec::<&str>::new());
    assert_eq!(leaks(&without_path(text, "/")), ["a file path"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_errors_in_plain_text() {
    let finding = examine_declared("border.problem", "border-plain-errors", things).await;
    falls_short(&finding, &["text/plain instead of application/problem+json", "no request id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_panic_in_the_detail() {
    falls_short(&examine_declared("border.problem", "border-leaks", things).await, &["a Rust panic"]);
}

#[test]
fn the_inside_of_a_service_is_recognised() {
    for (text, what) in [
        ("thread 'main' panicked at src/main.rs:4:5", "a Rust panic"),
        ("Traceback (most recent call last):\n  File \"x.py\"", "a Python traceback"),
        ("open /var/lib/thing/db: permission denied", "a file path"),
        ("ERROR: syntax error at or near \"x\"", "SQL"),
        ("<center>nginx/1.22.1</center>", "the version of what serves it"),
        ("    at Object.handle (index.js)", "a stack trace"),
    ] {
        assert!(leaks(text).contains(&what), "{text}: {:?}", leaks(text));
    }
}

#[test]
fn a_plain_message_is_no_leak() {
    let texts = [
        "missing field `amount` at line 1 column 14",
        "There is nothing at /v1/accounts/opt; see https://example.org/problems/not-found",
        "Select an account from the list",
    ];
    for text in texts {
        assert_eq!(leaks(text), Vec::<&str>::new(), "{text}");
    }
}
