//! `prove.stress` on specimens that do 100 requests of work a second, however fast the machine is.

use crate::finding::Verdict;
use crate::probes::support::overload::testing::{PACE, falls_short, holds, working, works};
use crate::testing::{examine_in, get, lab, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn the_breaking_points_of_more_expensive_mixes_are_reported() {
    let mut lab = lab("loaded-refuses", |subject| {
        works(subject);
        subject.requests = vec![get("/"), get("/work")];
    })
    .await;
    lab.pace = PACE;
    holds("prove.stress", &mut lab, &["with 3 times as many of \"GET /work\""]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_breaking_point_of_a_dear_mix_a_queue_without_end_falls_short() {
    let mut lab = lab("loaded-waits", |subject| {
        works(subject);
        subject.requests = vec![get("/"), get("/work")];
    })
    .await;
    lab.pace = PACE;
    falls_short("prove.stress", &mut lab, &["none refused with 503 or 429"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn clear_refusals_do_not_hide_that_it_does_not_recover() {
    let mut lab = lab("loaded-naps", |subject| {
        works(subject);
        subject.requests = vec![get("/"), get("/work")];
    })
    .await;
    lab.pace = PACE;
    falls_short("prove.stress", &mut lab, &["after the load fell"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_of_one_request_has_no_dearest() {
    let finding = examine_in("prove.stress", &mut working("loaded-refuses").await).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "declare [[requests]] of different cost");
}
