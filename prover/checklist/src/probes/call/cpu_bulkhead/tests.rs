//! `call.cpu-bulkhead` on its specimens.

use crate::finding::{Finding, Verdict};
use crate::subject::{RequestSpec, Subject};
use crate::testing::{
    examine_declared, falls_short_unless_busy, is_unknown, is_unless_busy, mentions, request, was_busy,
};

async fn examine_heavy(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        subject.requests = vec![request("GET", "/"), RequestSpec { heavy: true, ..request("GET", "/heavy") }];
    };
    examine_declared("call.cpu-bulkhead", name, declare).await
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_computes_beside_everything_else_and_is_refused_beyond_a_bound_holds() {
    is_unless_busy(&examine_heavy("heavy-pooled").await, Verdict::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_computes_where_everything_is_answered_stalls_it() {
    is_unless_busy(&examine_heavy("heavy-inline").await, Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_waits_for_its_turn_without_end_falls_short() {
    falls_short_unless_busy(&examine_heavy("heavy-endless").await, &["an unbounded queue"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_keeps_no_processor_busy_says_nothing() {
    let finding = examine_heavy("heavy-idle").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "heavier");
    let none = examine_declared("call.cpu-bulkhead", "heavy-pooled", |_| {}).await;
    assert_eq!(none.verdict(), Verdict::Unknown, "{none:#?}");
    mentions(&none, "heavy = true");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_one_after_the_other_show_no_pool() {
    let finding = examine_heavy("heavy-rationed").await;
    if !was_busy(&finding) {
        is_unknown(&finding, "requests succeeded in peace");
    }
}
