//! `data.location` on its specimens.

use crate::clause::data::location::{OUTSIDE, QUOTA};
use crate::finding::Verdict;
use crate::probes::ship::testing::{examine, falls_short};
use crate::subject::State;
use crate::testing::{holds, holds_but_for, is_unknown};

#[tokio::test(flavor = "multi_thread")]
async fn data_is_written_where_it_was_declared_and_nowhere_else() {
    let unseen = examine("data.location", "ship-good", |_| {}).await;
    assert_eq!(unseen.verdict_on(OUTSIDE), Some(Verdict::Holds), "{unseen:#?}");
    falls_short("data.location", "data-scattered", "scattered.tmp").await;
    falls_short("data.location", "data-open-elsewhere", "outside of the declared folders").await;
    let finding = examine("data.location", "data-nowhere", |_| {}).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    let finding = examine("data.location", "ship-good", |subject| subject.state = State::Unsaid).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    let finding = examine("data.location", "data-nowhere", |subject| subject.state = State::None).await;
    holds(&finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_open_for_a_moment_only_is_seen() {
    falls_short("data.location", "data-moments", "uploads/a/state.db").await;
    let finding = examine("data.location", "data-moments", |subject| subject.state = State::None).await;
    crate::testing::falls_short(&finding, &["uploads/a/state.db"]);
    let finding = examine("data.location", "data-nowhere", |subject| {
        subject.state = State::None;
        subject.requests.clear();
    })
    .await;
    is_unknown(&finding, "only GET / was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_survived_and_nothing_acknowledged_is_lost_on_it() {
    let finding = examine("data.location", "ship-good", |_| {}).await;
    if finding.evidence().iter().any(|piece| piece.what.contains("not tried")) {
        eprintln!("this host does not let a test mount a volume: {finding:#?}");
        return;
    }
    holds_but_for(&finding, &[QUOTA]);
    assert!(finding.evidence().iter().any(|piece| piece.what.contains("clearly refused")), "{finding:#?}");
    assert!(finding.evidence().iter().any(|piece| piece.what.contains("after a restart the last")), "{finding:#?}");
    falls_short("data.location", "data-mortal", "has ended").await;
    falls_short("data.location", "data-careless", "after a restart").await;
    falls_short("data.location", "data-forgetful", "after a restart").await;
}
