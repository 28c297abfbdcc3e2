//! `border.shed` on specimens that do 100 requests of work a second, however fast the machine is.

use super::examine_up_to;
use crate::finding::Verdict;
use crate::lab::Pace;
use crate::probes::support::overload::testing::{falls_short, holds, working};
use crate::testing::{get, lab, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_sheds_at_once_holds() {
    let mut lab = working("loaded-refuses").await;
    holds("border.shed", &mut lab, &["with 503", "refusals carry Retry-After"]).await;
    holds("border.backpressure", &mut lab, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_queues_everything_answers_too_late_and_does_not_recover() {
    let mut lab = working("loaded-waits").await;
    falls_short("border.shed", &mut lab, &["none refused with 503 or 429"]).await;
    falls_short("border.backpressure", &mut lab, &["no bound was seen"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_must_be_quick_and_say_when_to_come_again() {
    let mut lab = working("loaded-refuses-badly").await;
    falls_short("border.shed", &mut lab, &["9 of 10 refusals", "0 of"]).await;
}

/// Its short twin is a unit test of the judge, on a load that was taken down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_service_that_does_less_under_load_collapses() {
    falls_short("border.shed", &mut working("loaded-collapses").await, &["a second in time"]).await;
}

/// Its short twin is a unit test of the judge, on a load that was taken down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_service_that_does_not_recover_after_the_load_falls_short() {
    let mut lab = working("loaded-naps").await;
    // It naps from the refusals of a whole overload, not from those of the search for its capacity.
    lab.pace = Pace::FULL;
    falls_short("border.shed", &mut lab, &["the normal load is still not answered in time"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_keeps_up_with_the_load_was_not_overloaded() {
    let mut lab = lab("loaded-refuses", |subject| subject.requests = vec![get("/")]).await;
    let finding = examine_up_to(&mut lab, 60.0).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "more than 60 are not sent");
}
