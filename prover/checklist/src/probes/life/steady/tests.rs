//! `life.steady` on its specimens.

use crate::clause::life::steady::{RECYCLED, UNATTENDED};
use crate::clause::prove::soak::DISK;
use crate::finding::{Finding, Verdict};
use crate::probes::life::steady::testing::{self, examine};
use crate::subject::State;
use crate::testing::{falls_short, get, holds_but_for, lab, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_keeps_nothing_is_steady_as_far_as_a_short_run_shows() {
    let finding = examine("prove.soak", "steady-good", State::None).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    assert_eq!(finding.verdict_on(DISK), Some(Verdict::Holds), "{finding:#?}");
    mentions(&finding, "in 5s");
    mentions(&finding, "in an hour would not show in this run");
    let finding = examine("life.steady", "steady-good", State::Unsaid).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "what it keeps may be on disk: {finding:#?}");
    mentions(&finding, "declare its folders");
}

/// The strains alone, without the load before them.
async fn strained(name: &str) -> Finding {
    let mut lab = lab(name, |subject| subject.requests = vec![get("/")]).await;
    Finding::judge("life.steady", super::strains(&mut lab).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_pauses_at_the_limit_of_descriptors_and_gives_them_back_is_strained_by_nothing() {
    holds_but_for(&strained("steady-frees-late").await, &[RECYCLED, UNATTENDED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn spent_descriptors_make_nothing_spin() {
    falls_short(&strained("steady-spins").await, &["it spins"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_leave_no_descriptor() {
    falls_short(&strained("steady-keeps-aborted").await, &["descriptors leak"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn every_other_strain_is_noticed() {
    holds_but_for(&strained("steady-good").await, &[RECYCLED, UNATTENDED]);
    falls_short(&strained("steady-floods-its-log").await, &["floods its log"]);
    falls_short(&strained("steady-gives-up").await, &["does not serve again"]);
    falls_short(&strained("steady-prints-traces").await, &["failing requests a second add"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_kept_of_each_request_falls_short() {
    testing::falls_short("life.steady", "steady-leaks-memory", "resident memory").await;
}
