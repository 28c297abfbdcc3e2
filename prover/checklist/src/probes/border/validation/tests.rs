//! `border.validation` on its specimens.

use serde_json::json;

use super::clause;
use crate::finding::Verdict;
use crate::subject::{State, Subject};
use crate::testing::{does_not_apply, examine, examine_declared, falls_short, holds, is_unknown, post};

fn notes(subject: &mut Subject) {
    subject.requests.push(post("/notes", json!({ "text": "a note", "stars": 3 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_fields_that_are_checked_and_named_and_texts_that_are_escaped() {
    holds(&examine_declared("border.validation", "validation-sound", notes).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_each_way_to_take_or_show_too_much() {
    for (name, words) in [
        ("validation-takes-anything", "markup as stars is answered 201: it was taken"),
        ("validation-reads-the-beginning", "a word behind its body is answered 201"),
        ("validation-fails", "is answered 500"),
        ("validation-names-nothing", "does not name the field"),
        ("validation-unescaped", "as it was sent, in a page"),
    ] {
        falls_short(&examine_declared("border.validation", name, notes).await, &[words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_no_answer_shows_are_not_known_to_be_escaped() {
    let elsewhere = |subject: &mut Subject| {
        notes(subject);
        subject.requests[0].json = Some(json!({ "text": "a note" }));
        subject.requests[0].expect = Some(422);
    };
    let finding = examine_declared("border.validation", "validation-names-nothing", elsewhere).await;
    assert_eq!(finding.verdict_on(clause::ESCAPED), Some(Verdict::Unknown), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_declared_writes_is_unknown_and_one_without_state_takes_no_input() {
    is_unknown(&examine("border.validation", "border-plain").await, "declare one with `json`");
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.validation", "border-plain", stateless).await);
}
