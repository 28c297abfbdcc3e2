//! `see.slo` on its specimens.

use crate::clause::see::slo::{ALERTS, BUDGETS, DECLARED, MEASURED};
use crate::finding::Finding;
use crate::probes::see::testing::with_ops;
use crate::testing::{falls_short, holds, holds_but_for, is_unknown, mentions};

const ID: &str = "see.slo";

async fn examined(name: &str) -> Finding {
    with_ops(ID, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn objectives_that_count_exactly_and_page_on_two_windows_hold() {
    let finding = examined("slo-good").await;
    holds(&finding);
    mentions(&finding, "PriceBurn (5m, 30m, 60m, 6h) pages 52s after a total outage begins");
    holds(&examined("slo-unrecorded").await);
    holds_but_for(&examined("slo-blind-check").await, &[DECLARED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn objectives_of_which_no_request_fails_are_unknown() {
    let finding = examined("slo-other-route").await;
    holds_but_for(&finding, &[BUDGETS, ALERTS, MEASURED]);
    is_unknown(&crate::testing::examine(ID, "border-plain").await, "`rules` in [ops]");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_go_on_after_the_repair_or_never_come_fall_short() {
    falls_short(&examined("slo-one-window").await, &["pages on one window"]);
    falls_short(&examined("slo-same-window").await, &["still pages"]);
    falls_short(&examined("slo-impossible").await, &["can never fire"]);
    falls_short(&examined("slo-always").await, &["without any failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_are_not_counted_and_missing_tickets_and_budgets_fall_short() {
    falls_short(&examined("slo-loses-failures").await, &["not exact"]);
    falls_short(&examined("slo-no-ticket").await, &["there is no ticket"]);
    falls_short(&examined("slo-no-budget").await, &["error budget"]);
    falls_short(&examined("slo-by-hand").await, &["not what the code generates"]);
}
