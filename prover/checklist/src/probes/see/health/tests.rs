//! `see.health` on its specimens.

use crate::clause::see::health::LIVE;
use crate::finding::Verdict;
use crate::probes::see::testing::{falls_short, holds};
use crate::testing::examine_declared;

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_runs_and_shows_a_sick_dependency_without_dying_of_it() {
    holds("see.health", "see-good").await;
    falls_short("see.health", "see-bare-health", "no JSON object").await;
    falls_short("see.health", "see-blind", "shows nothing").await;
    falls_short("see.health", "see-dying-with-others", "liveness with prices silent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_requests_in_flight_shows_no_sickness() {
    falls_short("see.health", "see-counts-requests", "shows nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_timeouts_shows_a_sick_dependency() {
    holds("see.health", "see-counts-timeouts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_every_path_answers_is_no_health() {
    for flawed in ["see-page-for-all", "see-echo-for-all"] {
        let finding = examine_declared("see.health", flawed, |_| {}).await;
        assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        assert_eq!(finding.verdict_on(LIVE), Some(Verdict::Unknown), "{finding:#?}");
    }
}
