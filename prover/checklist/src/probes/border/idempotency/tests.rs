//! `border.idempotency` on its specimens.

use super::*;
use crate::finding::{Finding, Verdict};
use crate::probes::border::testing::{relaying, things};
use crate::subject::{State, Subject};
use crate::testing::{does_not_apply, examine, examine_declared, falls_short, holds, holds_but_for, is_unknown};

/// The same, and where the specimen keeps things across a SIGKILL.
fn durable_things(folder: &tempfile::TempDir) -> impl FnOnce(&mut Subject) {
    let folder = folder.path().display().to_string();
    move |subject| {
        things(subject);
        subject.env.insert("SPECIMEN_DATA".into(), folder);
    }
}

async fn idempotency_of(name: &str) -> Finding {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    examine_declared("border.idempotency", name, durable_things(&folder)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_keeps_keys_with_their_effects() {
    let finding = idempotency_of("border-sound").await;
    holds(&finding);
    assert_eq!(finding.evidence().len(), 5, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_ignores_keys() {
    falls_short(&idempotency_of("border-forgets-keys").await, &["repeated", "50 distinct", "another body", "SIGKILL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_keys_that_are_checked_before_they_are_taken() {
    falls_short(&idempotency_of("border-races-keys").await, &["at once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_keys_in_memory() {
    falls_short(&idempotency_of("border-loses-keys-in-crash").await, &["repeated after a SIGKILL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_takes_another_body() {
    falls_short(&idempotency_of("border-takes-other-body").await, &["another body under a used key is not refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_answers_alike_and_acts_again() {
    let finding = idempotency_of("border-acts-again").await;
    falls_short(
        &finding,
        &["repeated under the same key, took effect at least 2 times", "had to ask again), took effect at least"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_answers_whose_effects_nothing_counts_are_unknown() {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    let alone = |subject: &mut Subject| {
        durable_things(&folder)(subject);
        subject.requests.truncate(1);
        subject.requests[0].read = None;
    };
    let finding = examine_declared("border.idempotency", "border-acts-again", alone).await;
    is_unknown(&finding, "gets one answer, which is not one effect");
    assert_eq!(finding.verdict_on(clause::OTHER_BODY), Some(Verdict::Holds), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thing_that_is_read_back_is_enough_where_nothing_lists_it() {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    let alone = |subject: &mut Subject| {
        durable_things(&folder)(subject);
        subject.requests.truncate(1);
    };
    holds(&examine_declared("border.idempotency", "border-sound", alone).await);
}

/// Only calls to a dependency show what is made.
fn calling(folder: &tempfile::TempDir) -> impl FnOnce(&mut Subject) {
    let durable = durable_things(folder);
    move |subject| {
        durable(subject);
        let made = RequestSpec { uses: vec!["relay".into()], read: None, ..subject.requests[0].clone() };
        relaying(subject);
        subject.requests = vec![made];
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_to_a_dependency_count_effects_where_nothing_else_does() {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    let finding = examine_declared("border.idempotency", "border-sound", calling(&folder)).await;
    for clause in [clause::ONCE, clause::CONCURRENT] {
        assert_eq!(finding.verdict_on(clause), Some(Verdict::Holds), "{finding:#?}");
    }
    let folder = tempfile::tempdir().expect("a folder for the journal");
    let finding = examine_declared("border.idempotency", "border-acts-again", calling(&folder)).await;
    is_unknown(&finding, "its effects could not be counted");
}

/// Two callers of the same path.
fn callers(folder: &tempfile::TempDir) -> impl FnOnce(&mut Subject) {
    let declare = durable_things(folder);
    move |subject| {
        declare(subject);
        let caller = |name: &str| {
            let mut spec = subject.requests[0].clone();
            spec.headers.insert("Authorization".into(), format!("Bearer {name}"));
            spec
        };
        let callers = [caller("one"), RequestSpec { idempotent: None, ..caller("other") }];
        subject.requests.splice(0..1, callers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_callers_with_keys_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    holds(&examine_declared("border.idempotency", "border-sound", callers(&folder)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_callers_that_share_keys() {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    let finding = examine_declared("border.idempotency", "border-shares-keys", callers(&folder)).await;
    falls_short(&finding, &["under a key that another caller has used gets that caller's answer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_alone_leaves_a_gap() {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    let alone = |subject: &mut Subject| {
        callers(&folder)(subject);
        subject.requests.remove(1);
    };
    let finding = examine_declared("border.idempotency", "border-sound", alone).await;
    holds_but_for(&finding, &[clause::ONCE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_apply_without_state() {
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.idempotency", "border-sound", stateless).await);
    is_unknown(&examine("border.idempotency", "border-sound").await, "declare");
}

#[test]
fn a_number_is_changed_before_a_text() {
    let variants = variants(&json!({ "to": "abc", "amount": 5 }));
    assert_eq!(variants[0], json!({ "to": "abc", "amount": 6 }));
    assert_eq!(variants[1], json!({ "to": "abcx", "amount": 5 }));
    assert_eq!(variants[2], json!({ "to": "abc", "amount": 5, "keel_probe": 1 }));
}
