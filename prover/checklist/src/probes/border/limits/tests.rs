//! `border.limits` on its specimens.

use std::collections::BTreeMap;

use super::clause;
use crate::finding::Verdict;
use crate::probes::border::testing::{note, things};
use crate::subject::{RequestSpec, Subject};
use crate::testing::{examine_declared, falls_short, holds, is_unknown, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_answers_431_414_and_413() {
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.requests.push(note());
    };
    holds(&examine_declared("border.limits", "border-sound", declare).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_takes_everything() {
    let finding = examine_declared("border.limits", "border-unlimited", things).await;
    falls_short(
        &finding,
        &["one header of", "small headers", "a URI of", "declares 1 GiB", "chunked body", "Content-Length"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_one_write_without_a_limit() {
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.requests.push(note());
    };
    let finding = examine_declared("border.limits", "border-takes-long-notes", declare).await;
    falls_short(&finding, &["a body that declares 1 GiB to PUT /note is read for 64 MiB before any limit shows"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_refused_for_another_reason_says_nothing_about_limits() {
    let declare = |subject: &mut Subject| {
        things(subject);
        let refused = RequestSpec { headers: BTreeMap::new(), ..subject.requests[0].clone() };
        subject.requests = vec![refused];
    };
    let finding = examine_declared("border.limits", "border-sound", declare).await;
    is_unknown(&finding, "not as declared");
    for clause in [clause::SIZE, clause::DEPTH, clause::TIME] {
        assert_eq!(finding.verdict_on(clause), Some(Verdict::Unknown), "{clause:?}: {finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_that_waits_for_a_slow_client_is_not_held_against_its_sizes() {
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.requests.push(note());
    };
    let finding = examine_declared("border.limits", "border-one-at-a-time", declare).await;
    assert_ne!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    assert_eq!(finding.verdict_on(clause::SIZE), Some(Verdict::Holds), "{finding:#?}");
    mentions(&finding, "others wait for clients that send a byte at a time");
}
