//! `data.location` on its specimens.

use crate::clause::data::location::{FULL_DISK, OUTSIDE, QUOTA, RECOVERS};
use crate::finding::Verdict;
use crate::probes::ship::testing::{examine, falls_short};
use crate::subject::State;
use crate::testing::holds_but_for;

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
    holds_but_for(&finding, &[QUOTA, FULL_DISK, RECOVERS]);
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
    falls_short("data.location", "data-mortal", "has ended").await;
}
