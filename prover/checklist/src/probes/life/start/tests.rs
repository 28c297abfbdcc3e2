//! `life.start` on its specimens.

use std::time::Duration;

use tokio::join;

use super::needed;
use crate::clause::life::start::BAD_CONFIGURATION;
use crate::lab::Pace;
use crate::probes::life::testing::{examine, falls_short, holds};
use crate::testing::holds_but_for;
use crate::testing::{examine_in, lab, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_soon_and_refuses_a_port_that_is_taken() {
    join!(
        holds("life.start"),
        falls_short("life.start", "life-slow-start", "the median is"),
        falls_short("life.start", "life-patient-start", "still runs"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_more_time_when_starts_take_longer() {
    let finding = examine("life.start", "life-late-refusal", |_| {}).await;
    let tried = finding.evidence().iter().find(|piece| piece.what.contains("LIFE_NOTICE_MS"));
    assert!(tried.is_some_and(|piece| piece.is_for()), "{finding:#?}");
    falls_short("life.start", "life-too-late-refusal", "still runs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gets_its_port_again_at_once_after_it_closed_connections() {
    let finding = examine("life.start", "life-good", |_| {}).await;
    mentions(&finding, "started at once after a stop");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut lab = lab("life-no-reuse", |subject| subject.workdir = folder.path().to_owned()).await;
    // Its port is kept for a minute, which nobody waits for here.
    lab.pace = Pace::part(0.01);
    crate::testing::falls_short(&examine_in("life.start", &mut lab).await, &["does not start at once after a stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_the_variable_and_the_port_that_it_cannot_start_with() {
    let finding = examine("life.start", "life-good", |_| {}).await;
    let tried = finding.evidence().iter().find(|piece| piece.what.contains("LIFE_NOTICE_MS"));
    assert!(tried.is_some_and(|piece| piece.is_for()), "{finding:#?}");
    join!(
        falls_short("life.start", "life-takes-anything", "is ready after"),
        falls_short("life.start", "life-vague", "without naming port"),
        falls_short("life.start", "life-vague", "without naming LIFE_NOTICE_MS"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_variable_that_has_a_form_bad_configuration_is_not_tried_and_that_is_said() {
    let finding = examine("life.start", "life-takes-anything", |subject| {
        subject.env.remove("LIFE_NOTICE_MS");
    })
    .await;
    holds_but_for(&finding, &[BAD_CONFIGURATION]);
    mentions(&finding, "was not tried");
}

#[test]
fn a_start_that_waited_for_a_cpu_is_not_called_slow() {
    let (second, tenth) = (Duration::from_secs(1), Duration::from_millis(100));
    assert_eq!(needed(10 * second, 7 * second), None, "most of it was a wait");
    assert_eq!(needed(15 * tenth, 6 * tenth), None, "without the wait it takes less than a second");
    assert_eq!(needed(3 * second, tenth), Some(29 * tenth));
}
