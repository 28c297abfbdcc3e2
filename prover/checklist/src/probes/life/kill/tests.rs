//! `life.kill` on its specimens.

use crate::finding::{Bearing, Verdict};
use crate::probes::life::testing::{examine, falls_short, holds, make};
use crate::subject::{RequestSpec, State};
use crate::testing::{is_unknown, mentions, request, says};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_kill_and_are_there_once() {
    holds("life.kill").await;
    falls_short("life.kill", "life-forgets", "is gone").await;
    falls_short("life.kill", "life-doubles", "not answered as before").await;
    falls_short("life.kill", "life-alters", "the same colour").await;
    falls_short("life.kill", "life-locks", "does not start by itself").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_object_answered_with_200_is_gone_and_a_read_of_any_name_shows_nothing() {
    falls_short("life.kill", "life-forgets-softly", "is not read with the same").await;
    falls_short("life.kill", "life-knows-all", "not answered as before").await;
    let finding = examine("life.kill", "life-knows-all", |subject| {
        subject.requests.iter_mut().for_each(|request| request.idempotent = None);
    })
    .await;
    is_unknown(&finding, "which was never made, is answered 200 like what was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thing_under_a_name_that_the_client_chose_is_read_back_by_it() {
    let put = RequestSpec {
        body: Some("a text, the {n}th".to_owned()),
        read: Some("/files/{key}".to_owned()),
        ..request("PUT", "/files/{key}")
    };
    let finding = examine("life.kill", "life-good", |subject| subject.requests = vec![put.clone()]).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    let finding = examine("life.kill", "life-forgets", |subject| subject.requests = vec![put]).await;
    crate::testing::falls_short(&finding, &["is gone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_things_shows_what_is_lost_although_no_thing_is_named() {
    let counted = RequestSpec { read: Some("/count".to_owned()), idempotent: None, ..make() };
    let finding = examine("life.kill", "life-good", |subject| subject.requests = vec![counted.clone()]).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    says(&finding, Bearing::For, &["things of GET /count is"]);
    let finding = examine("life.kill", "life-forgets", |subject| subject.requests = vec![counted]).await;
    crate::testing::falls_short(&finding, &["things of GET /count is"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_cannot_be_read_back_are_unknown() {
    let finding = examine("life.kill", "life-good", |subject| {
        for request in &mut subject.requests {
            request.save.values_mut().for_each(|pointer| *pointer = "/number".to_owned());
        }
    })
    .await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "`save`");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_on_state_nothing_is_known_and_without_state_it_must_only_start() {
    let finding = examine("life.kill", "life-good", |subject| subject.state = State::Unsaid).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    let finding = examine("life.kill", "life-good", |subject| subject.requests.clear()).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    let finding = examine("life.kill", "life-forgets", |subject| subject.state = State::None).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
}
