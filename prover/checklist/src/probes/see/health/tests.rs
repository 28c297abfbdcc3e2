//! `see.health` on its specimens.

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
async fn a_page_that_every_path_answers_is_no_health() {
    let finding = examine_declared("see.health", "see-page-for-all", |_| {}).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}
