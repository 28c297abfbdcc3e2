//! `see.traces` on its specimens.

use std::time::Duration;

use crate::clause::Clause;
use crate::clause::see::traces::{COLLECTOR, ERRORS, EXIT, IN, MALFORMED, OUT, QUEUES, SAMPLING};
use crate::finding::{Finding, Verdict};
use crate::subject::{Dependencies, RequestSpec, Subject};
use crate::testing::{calls_for_prices, examine_declared, holds, holds_but_for, mentions, request, was_busy};

/// Says what the specimen calls, before its answer and after it.
fn declare(subject: &mut Subject) {
    calls_for_prices(subject);
    let prices = vec!["prices".to_owned()];
    subject.requests.push(RequestSpec { uses: prices.clone(), later: prices, ..request("POST", "/order") });
    subject.drain_timeout = Duration::from_secs(2);
}

async fn examine(name: &str) -> Finding {
    examine_declared("see.traces", name, declare).await
}

/// Of all clauses just these speak against it, unless the machine was too busy to tell.
async fn contradicts(name: &str, clauses: &[Clause]) {
    let finding = examine(name).await;
    if was_busy(&finding) {
        return;
    }
    let all = [IN, OUT, QUEUES, MALFORMED, SAMPLING, ERRORS, COLLECTOR, EXIT];
    let against = all.iter().filter(|clause| finding.verdict_on(**clause) == Some(Verdict::FallsShort));
    let against: Vec<&str> = against.map(|clause| clause.id()).collect();
    assert_eq!(against, clauses.iter().map(|clause| clause.id()).collect::<Vec<_>>(), "{name}: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_go_in_and_out_and_across_queues_whether_queued_work_continues_them_or_links_to_them() {
    let (good, links) = tokio::join!(examine("traces-good"), examine("traces-links"));
    for (finding, is_linked) in [(good, false), (links, true)] {
        if !was_busy(&finding) {
            holds(&finding);
        }
        if is_linked {
            mentions(&finding, "with a link to its own");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_alone_show_the_traces_of_a_service_that_calls_nothing() {
    let leaf = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
    holds_but_for(&examine_declared("see.traces", "traces-leaf", leaf).await, &[QUEUES, ERRORS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaw_is_seen_and_nothing_else() {
    tokio::join!(
        contradicts("traces-forgets-queue", &[QUEUES]),
        contradicts("traces-blocks", &[COLLECTOR]),
        contradicts("traces-waits-at-the-end", &[EXIT]),
    );
}
