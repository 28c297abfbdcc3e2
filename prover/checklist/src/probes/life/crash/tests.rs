//! `life.crash` on its specimens.

use crate::clause::life::crash::{BYSTANDERS, RESTART};
use crate::finding::Verdict;
use crate::probes::life::testing::examine;
use crate::subject::{RequestSpec, Subject};
use crate::testing::{get, holds_but_for, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_costs_its_own_request_only() {
    let crash = |subject: &mut Subject| subject.requests.push(RequestSpec { crash: true, ..get("/crash") });
    let finding = examine("life.crash", "life-good", crash).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    let finding = examine("life.crash", "life-fragile", crash).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    let finding = examine("life.crash", "life-poisoned", crash).await;
    crate::testing::falls_short(&finding, &["POST /things is not answered as it was before"]);
    let finding = examine("life.crash", "life-good", |_| {}).await;
    crate::testing::is_unknown(&finding, "`crash = true`");
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_beyond_the_most_that_are_sent_are_named() {
    let finding = examine("life.crash", "life-good", |subject| {
        let crash = |number| RequestSpec { crash: true, name: format!("crash {number}"), ..get("/crash") };
        subject.requests.extend((0..5).map(crash));
    })
    .await;
    holds_but_for(&finding, &[RESTART, BYSTANDERS]);
    mentions(&finding, "and not crash 4");
}
