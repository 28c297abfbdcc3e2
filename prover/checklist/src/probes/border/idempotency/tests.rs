//! `border.idempotency` on its specimens.

use super::*;
use crate::finding::Finding;
use crate::probes::border::testing::things;
use crate::subject::{State, Subject};
use crate::testing::{does_not_apply, examine, examine_declared, falls_short, holds, is_unknown};

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
    falls_short(&idempotency_of("border-forgets-keys").await, &["repeated", "50 distinct", "another body"]);
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
