//! `border.problem` on its specimens.

use super::*;
use crate::probes::border::testing::things;
use crate::testing::{examine_declared, falls_short, holds};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_problem_documents() {
    holds(&examine_declared("border.problem", "border-sound", things).await);
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
