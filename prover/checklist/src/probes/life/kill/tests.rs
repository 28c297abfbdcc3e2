//! `life.kill` on its specimens.

use crate::finding::Verdict;
use crate::probes::life::testing::{examine, falls_short, holds};
use crate::subject::State;
use crate::testing::mentions;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_is_there_once() {
    holds("life.kill").await;
    falls_short("life.kill", "life-forgets", "is gone").await;
    falls_short("life.kill", "life-doubles", "not answered as before").await;
    falls_short("life.kill", "life-alters", "another colour").await;
    falls_short("life.kill", "life-locks", "does not start by itself").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_be_read_back_it_is_not_known_what_a_kill_loses() {
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
