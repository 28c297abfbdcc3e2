//! `border.cacheable` on its specimens.

use super::*;
use crate::finding::Bearing;
use crate::probes::border::testing::things;
use crate::subject::{RequestSpec, Subject};
use crate::testing::{examine_declared, falls_short, get, holds, is_unknown, says};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_validators_that_work() {
    holds(&examine_declared("border.cacheable", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_each_way_to_mislead_a_cache() {
    for (name, words) in [
        ("border-silent-on-caching", "no Cache-Control"),
        ("border-dead-validator", "gives 200, not 304"),
        ("border-hides-vary", "lacks Vary"),
        ("border-public-cookie", "Set-Cookie"),
    ] {
        falls_short(&examine_declared("border.cacheable", name, things).await, &[words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_page_of_one_caller_that_is_shared() {
    let caller = |subject: &mut Subject| {
        things(subject);
        let headers = [("Authorization".to_owned(), "Bearer one".to_owned())].into();
        subject.requests = vec![RequestSpec { headers, ..get("/me") }];
    };
    let finding = examine_declared("border.cacheable", "border-shares-personal-page", caller).await;
    falls_short(&finding, &["GET /me is another one with credentials, and shared caches may give it to anybody"]);
    let finding = examine_declared("border.cacheable", "border-sound", caller).await;
    holds(&finding);
    says(&finding, Bearing::For, &["GET /me, with credentials, is for its caller alone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_get_that_is_not_answered_is_a_gap() {
    let wrong = |subject: &mut Subject| {
        things(subject);
        subject.requests.push(get("/nowhere"));
    };
    is_unknown(&examine_declared("border.cacheable", "border-sound", wrong).await, "not as declared");
}

fn control(value: &str) -> Control {
    let mut control = Control { said: true, ..Control::default() };
    control.read(value);
    control
}

#[test]
fn contradictions_are_seen() {
    for value in ["public, private", "no-store, max-age=60", "no-store, public", "private, s-maxage=5", "max-age=soon"]
    {
        assert_eq!(control(value).faults().len(), 1, "{value}");
    }
}

#[test]
fn usual_values_are_no_contradiction() {
    for value in
        ["no-store", "private, no-cache", "public, max-age=31536000, immutable", "no-cache, no-store, max-age=0"]
    {
        assert!(control(value).faults().is_empty(), "{value}");
    }
}

#[test]
fn a_private_answer_is_not_shared() {
    assert!(!control("private, max-age=60").is_shared());
    assert!(control("max-age=60").is_shared());
    assert!(!control("no-cache").is_shared());
}

#[test]
fn an_entity_tag_is_quoted() {
    assert!(is_entity_tag("W/\"a\"") && is_entity_tag("\"\"") && !is_entity_tag("abc"));
}
